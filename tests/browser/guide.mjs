// Follows docs/guides/first-frontend.md to the letter, on another port.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import * as kit from './kit.mjs';

const { on } = kit;
const GUIDE = new URL('../../docs/guides/first-frontend.md', import.meta.url);
/** Where the guide's frontend stands. */
const WRITTEN = 'http://localhost:3000';

/** The files that a reader saves, by their names. */
function filesOf(guide) {
  const blocks = guide.matchAll(/^```\w+ file=(\S+)\n([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, name, text]) => [name, text]));
}

/** A port that nobody had a moment ago. */
async function freePort() {
  const probe = http.createServer();
  await new Promise((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

const folder = join(process.env.FONDACO_TEST_FOLDER, 'guide');
mkdirSync(folder, { recursive: true });
const files = filesOf(readFileSync(GUIDE, 'utf8'));
const app = `http://127.0.0.1:${await freePort()}`;
let server;

test.before(async () => {
  assert.deepEqual([...files.keys()], ['setup.sh', 'server.mjs', 'index.html']);
  for (const name of ['server.mjs', 'index.html']) writeFileSync(join(folder, name), files.get(name));
  server = spawn(process.execPath, [join(folder, 'server.mjs')], {
    env: { FONDACO_URL: kit.own, FONDACO_KEY: setUp(), APP_URL: app },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(server.stdout);
  await new Promise((done, refuse) => {
    lines.once('line', done);
    server.once('exit', (code) => refuse(new Error(`the guide's server ended with ${code}`)));
  });
});
test.after(() => server?.kill());

/** Runs the commands of the guide where a reader would, and returns the key that they show. */
function setUp() {
  const wrapper = join(folder, 'fondaco');
  writeFileSync(wrapper, `#!/bin/sh\nexec "${process.env.FONDACO_TEST_BINARY}" "$@" --json\n`);
  chmodSync(wrapper, 0o755);
  const script = files.get('setup.sh').replaceAll(WRITTEN, app);
  const options = {
    cwd: process.env.FONDACO_TEST_FOLDER,
    env: { PATH: `${folder}:/usr/bin:/bin` },
    input: script,
    encoding: 'utf8',
  };
  const printed = execFileSync('/bin/sh', ['-e'], options).trim().split('\n');
  return JSON.parse(printed.at(-1)).apiKey;
}

const rows = (page) => page.locator('#transactions tr');
const status = (page, text) => page.locator('#status', { hasText: text }).waitFor();

test('a person connects a bank and pages through their transactions', async () => {
  await kit.visit({}, async (page, person) => {
    person.allow(kit.own);
    const tokens = [];
    page.on('request', (request) => {
      if (request.url() === kit.house.graphql) tokens.push(request.headers().authorization);
    });
    await page.goto(app);
    await status(page, 'No bank is connected yet.');
    await kit.accessible(page, 'the page of the guide');
    await page.getByRole('button', { name: 'Connect a bank' }).click();
    await page.locator(on.bank).click();
    await page.locator(on.go).click();
    await page.locator(on.user).waitFor();
    await kit.logIn(page);
    await page.locator(on.approve).click();
    await page.locator(on.back).click();
    await status(page, 'Up to date.');
    assert.equal(page.url(), `${app}/`);

    assert.ok((await page.locator('#accounts li').count()) >= 2);
    assert.equal(await rows(page).count(), 25);
    await page.getByRole('button', { name: 'Show more' }).click();
    await page.waitForFunction(() => document.querySelectorAll('#transactions tr').length === 50);
    const days = await rows(page).locator('td:first-child').allInnerTexts();
    assert.deepEqual(days, [...days].sort().reverse());
    assert.match(await rows(page).first().innerText(), /\d/);
    await kit.accessible(page, 'the list of transactions');

    // The page held a token of this person and never the key.
    assert.ok(tokens.length > 0);
    for (const bearer of new Set(tokens)) {
      const token = bearer.slice('Bearer '.length);
      const { viewer } = await kit.ask('{ viewer { keyClass endUser { reference } } }', {}, token);
      assert.equal(viewer.keyClass, 'BROWSER');
      assert.equal(viewer.endUser.reference, 'customer-1');
    }
  });
});

test('a person who cancels is told so', async () => {
  await kit.visit({}, async (page, person) => {
    person.allow(kit.own);
    await page.goto(app);
    await page.getByRole('button', { name: 'Connect a bank' }).click();
    await page.locator(on.cancel).click();
    await status(page, 'No bank was connected (cancelled).');
  });
});

test('the same page on an origin that is not registered reads nothing', async () => {
  const foreign = http.createServer((req, res) => {
    res.setHeader('content-type', 'text/html');
    res.end('<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>x</title>');
  });
  await new Promise((done) => foreign.listen(0, '127.0.0.1', done));
  const made = await fetch(`${app}/token`, { method: 'POST' });
  const { graphql, token } = await made.json();
  await kit.visit({}, async (page, person) => {
    person.allow(kit.own);
    person.expect(/CORS|ERR_FAILED/);
    await page.goto(`http://127.0.0.1:${foreign.address().port}/`);
    const read = await page.evaluate(
      async ([url, bearer]) => {
        const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
        const body = JSON.stringify({ query: '{ accounts(first: 1) { nodes { id } } }' });
        try {
          return await (await fetch(url, { method: 'POST', headers, body })).text();
        } catch {
          return 'nothing';
        }
      },
      [graphql, token],
    );
    assert.equal(read, 'nothing');
  });
  foreign.close();
});
