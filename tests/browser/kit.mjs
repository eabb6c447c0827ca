// What every script needs: the running program, a frontend, browsers, and who watches them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import * as http from 'node:http';
import { test } from 'node:test';

import { COLOUR_RULES, axe, start } from '../oidc/browser.mjs';
import { bank } from './banks.mjs';

const SCRIPT_MS_MAX = 120_000;
const WAIT_MS_MAX = 20_000;
const LOOK_EVERY_MS = 100;
const TABS_MAX = 40;
/** The parameter of the return address that holds the one-time code. */
export const RESULT_PARAM = 'fondaco_result';

setTimeout(() => {
  console.error(`the script did not end within ${SCRIPT_MS_MAX} ms`);
  process.exit(1);
}, SCRIPT_MS_MAX).unref();

/** What the program said when it was ready: `{graphql, explorer, apiKey, link}`. */
export const house = await bank.open();
/** The origin of its pages. */
export const own = new URL(house.graphql).origin;
export { bank };

/** Runs a command of the program on the same data and returns the lines that it prints. */
export function fondaco(...args) {
  const { env } = house;
  const options = { cwd: process.env.FONDACO_TEST_FOLDER, env, encoding: 'utf8' };
  const printed = execFileSync(process.env.FONDACO_TEST_BINARY, [...args, '--json'], options);
  return printed.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** Sends a GraphQL document and returns its data; errors of the document end the test. */
export async function ask(query, variables = {}, key = house.apiKey) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables });
  const answer = await (await fetch(house.graphql, { method: 'POST', headers, body })).json();
  assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
  return answer.data;
}

/** Looks again until something is there, for a bounded time. */
export async function until(what, look) {
  const end = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
}

/** A SaaS frontend of one page, to which people return. Its address is registered. */
async function startFrontend() {
  const page = '<!doctype html><html lang="en"><title>Frontend</title><h1>Welcome back</h1>';
  const server = http.createServer((req, res) => {
    res.setHeader('content-type', 'text/html; charset=utf-8');
    if (req.url === '/favicon.ico') res.statusCode = 204;
    res.end(page);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${server.address().port}/banks`;
  fondaco('tenants', 'return-url', 'add', url, '--tenant', bank.tenant);
  return { url, server };
}

const frontend = await startFrontend();
const browser = await start();
test.after(async () => {
  await browser.close();
  frontend.server.closeAllConnections();
  frontend.server.close();
  await house.close();
});

/** The address to which people return. */
export const returnUrl = frontend.url;

const START = `mutation ($input: StartLinkInput!) {
  startLink(input: $input) { url linkSession { id } userErrors { code message } } }`;

/** A link of a new person: the address of its page, its session's id, the person. */
export async function startLink(more = {}) {
  const person = `person-${randomUUID()}`;
  const input = { endUserReference: person, returnUrl, idempotencyKey: randomUUID(), ...more };
  const { startLink: started } = await ask(START, { input });
  assert.deepEqual(started.userErrors, []);
  return { url: started.url, session: started.linkSession.id, person };
}

/** Where a session stands. */
export async function stateOf(link) {
  const { linkSession } = await ask('query ($id: ID!) { linkSession(id: $id) { state } }', {
    id: link.session,
  });
  return linkSession.state;
}

/** The links that there are of a person, with their accounts. */
export async function linksOf(link) {
  const { linkSession } = await ask(
    'query ($id: ID!) { linkSession(id: $id) { endUser { id } } }',
    { id: link.session },
  );
  const { links } = await ask(
    `query ($person: ID!) { links(first: 5, endUser: $person) { nodes {
      consent { state } accounts(first: 20) { nodes { id } } } } }`,
    { person: linkSession.endUser.id },
  );
  return links.nodes;
}

/** What the frontend's server learns for the code that came back in an address. */
export async function redeem(address) {
  const code = new URL(address).searchParams.get(RESULT_PARAM);
  assert.ok(code, `no code in ${new URL(address).origin}`);
  const { redeemLinkResult: result } = await ask(
    `mutation ($input: RedeemLinkResultInput!) { redeemLinkResult(input: $input) {
      outcome reason link { id } endUser { reference } userErrors { code } } }`,
    { input: { code } },
  );
  return result;
}

/**
 * A browser of one person. What it must not do is noted and fails the test with `leave`:
 * a request of a page to any origin but its own, an error on the console, a violated policy.
 */
export async function visitor(options = {}) {
  const context = await browser.newContext({ colorScheme: 'light', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  const documents = new Set();
  const expected = [];
  const allowed = new Set();
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (request.isNavigationRequest()) {
      documents.add(request.url());
      const isHere = url.hostname === '127.0.0.1' || allowed.has(url.origin);
      if (!isHere) complaints.push(`left this machine: ${url.origin}`);
    } else if (isForeign(url, request.frame()) && !allowed.has(url.origin)) {
      complaints.push(`request to a third party: ${url.origin}`);
    }
  });
  context.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    // A page that says "not found" is itself reported as a resource that did not load.
    const failed = message.text().startsWith('Failed to load resource');
    if (failed && documents.has(message.location().url)) return;
    if (expected.some((pattern) => pattern.test(message.text()))) return;
    complaints.push(`console: ${message.text()}`);
  });
  context.on('weberror', (error) => complaints.push(`script: ${error.error()}`));
  return {
    context,
    page: () => context.newPage(),
    /** Says that pages may send requests to an origin that is not their own. */
    allow: (origin) => allowed.add(origin),
    /** Says that a message on the console is part of the walk. */
    expect: (pattern) => expected.push(pattern),
    leave: async () => {
      await context.close();
      assert.deepEqual(complaints, []);
    },
  };
}

const isForeign = (url, frame) =>
  url.protocol.startsWith('http') && url.origin !== new URL(frame.url()).origin;

/** Lets a person visit, and looks at what was noted when the visit is over. */
export async function visit(options, walk) {
  const person = await visitor(options);
  try {
    await walk(await person.page(), person);
  } catch (error) {
    await person.context.close();
    throw error;
  }
  await person.leave();
}

/** Fails when axe finds something against WCAG 2.2 A or AA, in light or dark. */
export async function accessible(page, state) {
  assert.deepEqual(await axe(page), [], `${state}, light`);
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.deepEqual(await axe(page, COLOUR_RULES), [], `${state}, dark`);
  await page.emulateMedia({ colorScheme: 'light' });
}

/** Presses Tab until the focus, which must be visible, is on an element. */
export async function tabTo(page, selector) {
  for (let tab = 0; tab < TABS_MAX; tab += 1) {
    await page.keyboard.press('Tab');
    const seen = await page.evaluate((wanted) => {
      const element = document.activeElement;
      if (!element?.matches(wanted)) return null;
      const { outlineStyle, boxShadow } = getComputedStyle(element);
      return outlineStyle !== 'none' || boxShadow !== 'none';
    }, selector);
    if (seen === null) continue;
    assert.ok(seen, `the focus on ${selector} is not visible`);
    return;
  }
  assert.fail(`no Tab leads to ${selector}`);
}

/** Elements of the pages, found without their language. */
export const on = {
  ...bank.on,
  bank: `button[name="institution"][value="${bank.institution}"]`,
  go: 'form[action$="/continue"] button',
  cancel: 'form[action$="/cancel"] button',
  back: 'a.button',
};

/** Waits for the bank's log-in page, or for its question where it remembers the person. */
export const arrived = (page) => page.locator(on.user).or(page.locator(on.approve)).waitFor();

/** From the link to the bank. */
export async function toBank(page, link) {
  await page.goto(link.url);
  await page.locator(on.bank).click();
  await page.locator(on.go).click();
  await arrived(page);
}

/** From the bank's log-in page to its question. */
export async function logIn(page, user = 'anna') {
  if (await page.locator(on.user).isVisible()) {
    await page.locator(on.user).fill(user);
    await page.locator(on.password).fill('sandbox');
    await page.locator(on.login).click();
  }
  await page.locator(on.approve).waitFor();
}

/** Waits for the last page of a session and returns its heading. */
export async function ending(page, link) {
  await page.waitForURL((url) => url.href.split('?')[0] === link.url);
  return page.locator('h1').innerText();
}
