// The product beside the test's authorization server: started, asked, and walked through.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as http from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { cookieFetch, walk } from './walk.mjs';

const SECRET = 'fondaco-test-secret-for-loopback-only';
const WAIT_MS_MAX = 30_000;
const LOOK_EVERY_MS = 100;
const RETURN_URL = 'http://127.0.0.1:9/banks';
/** The id of the server's entry, and the tenant whose people link there. */
export const INSTITUTION = 'test_authority';
export const TENANT = 'Test';

const folder = process.env.FONDACO_TEST_FOLDER;
const binary = process.env.FONDACO_TEST_BINARY;

/** The line that a program prints when it is ready. */
function readyLine(child, what) {
  return new Promise((done, refuse) => {
    createInterface(child.stdout).once('line', (line) => done(JSON.parse(line)));
    child.once('exit', (code) => refuse(new Error(`${what} ended with ${code}`)));
  });
}

async function freePort() {
  const probe = http.createServer();
  await new Promise((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** Looks again until something is there, for a bounded time; says what was seen last. */
export async function until(what, look, waitMs = WAIT_MS_MAX) {
  const end = Date.now() + waitMs;
  let seen;
  do {
    seen = await look();
    if (seen.done) return seen;
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  } while (Date.now() < end);
  return assert.fail(`waited in vain for ${what}: ${JSON.stringify(seen)}`);
}

/** What `fondaco institutions` needs to know of the server. */
async function entry(ready) {
  const found = await fetch(`${ready.issuer}/.well-known/openid-configuration`);
  const metadata = await found.json();
  return `id = "${INSTITUTION}"
family = "berlin_group"
name = "Test Authority"
countries = ["DE"]
base_url = "${ready.base_url}/v1/"
source = "tests/oidc/server.mjs"
sandbox = true

[auth]
scheme = "oauth2"
issuer = "${ready.issuer}"
authorize_url = "${metadata.authorization_endpoint}"
token_url = "${metadata.token_endpoint}"
revoke_url = "${metadata.revocation_endpoint}"
scopes = ["AIS:{consent}"]
client_auth = "basic"
iss_required = true
refresh_rotates = true

[limits]
requests_per_minute = 6000
unattended_per_day = 1000
consent_days_max = 90

[resources.accounts]

[resources.balances]
parent = "accounts"

[resources.transactions]
parent = "accounts"
history_days = 90
`;
}

/** Starts both, and makes a tenant with a registration and a key. */
export async function startTown({ accessSeconds }) {
  const server = fileURLToPath(new URL('./server.mjs', import.meta.url));
  const options = ['--until-stdin-ends', '--access-s', String(accessSeconds)];
  const bank = spawn(process.execPath, [server, ...options], { stdio: ['pipe', 'pipe', 'ignore'] });
  const ready = await readyLine(bank, 'the authorization server');
  mkdirSync(join(folder, 'institutions'), { recursive: true });
  writeFileSync(join(folder, 'institutions', `${INSTITUTION}.toml`), await entry(ready));
  const env = {
    FONDACO_SERVER_LISTEN: `127.0.0.1:${await freePort()}`,
    FONDACO_INSTITUTIONS_FOLDER: join(folder, 'institutions'),
    FONDACO_SYNC_POLL_MS: '50',
    ...JSON.parse(process.env.FONDACO_TEST_SETTINGS),
  };
  const run = (args, input = '') => {
    const printed = execFileSync(binary, [...args, '--json'], {
      cwd: folder,
      env,
      input,
      encoding: 'utf8',
    });
    return JSON.parse(printed.trim().split('\n').at(-1));
  };
  if (env.FONDACO_STORE_POSTGRES_URL) run(['migrate']);
  run(['tenants', 'create', TENANT, '--privacy-url', 'https://test.example/privacy',
    '--support', 'help@test.example', '--return-url', RETURN_URL]);
  const registration = run(
    ['registrations', 'add', '--institution', INSTITUTION, '--client-id', ready.client_id,
      '--secret-file', '-'],
    SECRET,
  );
  const control = async (name, body = {}) => {
    const sent = { method: 'POST', body: JSON.stringify(body) };
    return (await fetch(`${ready.control}/${name}`, sent)).json();
  };
  await control('redirect_uris', { uris: [registration.redirectUri] });
  const { apiKey } = run(['keys', 'create', '--tenant', TENANT, '--scopes',
    'accounts:read,transactions:read,link:write']);
  const house = spawn(binary, ['serve', '--json'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  house.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  const { graphql } = await readyLine(house, 'the product');
  return {
    graphql,
    apiKey,
    /** What another process of the product needs to work with the same data. */
    env,
    control,
    ...graph(graphql, apiKey),
    connect: (start) => connect(start, registration.redirectUri),
    log: () => log,
    stop: async () => {
      const ended = new Promise((done) => house.once('exit', done));
      house.kill('SIGTERM');
      bank.stdin.end();
      return ended;
    },
  };
}

/** What a frontend's server asks. */
function graph(graphql, apiKey) {
  const ask = async (query, variables = {}) => {
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ query, variables });
    const answer = await (await fetch(graphql, { method: 'POST', headers, body })).json();
    assert.equal(answer.errors, undefined, JSON.stringify(answer.errors));
    return answer.data;
  };
  const write = async (name, kind, fields, input) => {
    const { [name]: payload } = await ask(
      `mutation ($input: ${kind}!) { ${name}(input: $input) { ${fields} userErrors { code } } }`,
      { input: { idempotencyKey: randomUUID(), ...input } },
    );
    return payload;
  };
  return {
    ask,
    startLink: (input) =>
      write('startLink', 'StartLinkInput', 'url linkSession { id }', {
        institutionId: INSTITUTION,
        returnUrl: RETURN_URL,
        ...input,
      }),
    refreshLink: (linkId) => write('refreshLink', 'RefreshLinkInput', 'link { id }', { linkId }),
    disconnectLink: (linkId) =>
      write('disconnectLink', 'DisconnectLinkInput', 'link { id }', { linkId }),
  };
}

const plain = (text) => text.replaceAll('&#38;', '&').replaceAll('&amp;', '&');

/** Walks a person from a consent link through the bank; returns the last page. */
async function connect({ url, user, decision }, redirectUri) {
  const go = cookieFetch();
  const review = await (await go(url)).text();
  const form = /<form method="post" action="([^"]+\/continue)">([\s\S]*?)<\/form>/.exec(review);
  assert.ok(form, review);
  const hidden = form[2].matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g);
  const body = new URLSearchParams([...hidden].map(([, name, value]) => [name, plain(value)]));
  const handoff = await (await go(new URL(form[1], url), { method: 'POST', body })).text();
  const bank = /<a class="button" href="([^"]+)"/.exec(handoff);
  assert.ok(bank, handoff);
  const callback = await walk(plain(bank[1]), redirectUri, { user, decision });
  let res = await go(callback);
  for (let hop = 0; hop < 10 && res.headers.get('location'); hop += 1) {
    res = await go(new URL(res.headers.get('location'), res.url));
  }
  return /<h1>([^<]*)<\/h1>/.exec(await res.text())?.[1];
}
