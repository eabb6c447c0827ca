// Shows that the test server keeps its promises: `npm run smoke`, a few seconds.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { axe, launch } from './browser.mjs';
import { walk } from './walk.mjs';

const REDIRECT = 'http://127.0.0.1:9/callback';
const SECRET = 'fondaco-test-secret-for-loopback-only';

const server = spawn(
  process.execPath,
  [fileURLToPath(new URL('./server.mjs', import.meta.url)), '--until-stdin-ends'],
  { stdio: ['pipe', 'pipe', 'ignore'] },
);
const ready = await new Promise((done) => {
  createInterface(server.stdout).once('line', (line) => done(JSON.parse(line)));
});
test.after(() => server.stdin.end());

const discovery = await (await fetch(`${ready.issuer}/.well-known/openid-configuration`)).json();
const control = async (name, body = {}) =>
  (await fetch(`${ready.control}/${name}`, { method: 'POST', body: JSON.stringify(body) })).json();
const bank = (path, { method = 'GET', headers = {}, body } = {}) =>
  fetch(path.startsWith('http') ? path : `${ready.base_url}/v1${path}`, {
    method,
    headers: { 'x-request-id': randomUUID(), ...headers },
    body: body && JSON.stringify(body),
  });

async function createConsent() {
  const body = { access: { allPsd2: 'allAccounts' }, recurringIndicator: true };
  const answer = await bank('/consents', { method: 'POST', body });
  assert.equal(answer.status, 201);
  return (await answer.json()).consentId;
}

function authorizeUrl(consentId, verifier, drop = []) {
  const url = new URL(discovery.authorization_endpoint);
  const fields = {
    client_id: ready.client_id,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: `AIS:${consentId}`,
    state: 'state-1',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(fields)) {
    if (!drop.includes(name)) url.searchParams.set(name, value);
  }
  return url;
}

const basic = Buffer.from(`${ready.client_id}:${SECRET}`).toString('base64');
const askToken = (fields) =>
  fetch(discovery.token_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(fields),
  });
const refresh = (token) => askToken({ grant_type: 'refresh_token', refresh_token: token });

async function linked(user) {
  const consentId = await createConsent();
  const verifier = randomBytes(32).toString('base64url');
  const callback = await walk(authorizeUrl(consentId, verifier), REDIRECT, { user });
  assert.equal(callback.searchParams.get('state'), 'state-1');
  assert.equal(callback.searchParams.get('iss'), ready.issuer);
  const code = callback.searchParams.get('code');
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT };
  const answer = await askToken({ ...exchange, code_verifier: verifier });
  const tokens = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(tokens));
  const headers = { authorization: `Bearer ${tokens.access_token}`, 'consent-id': consentId };
  return { consentId, tokens, headers, exchange, verifier };
}

test('a linked person reads accounts, balances and every page of transactions', async () => {
  const { headers, tokens, consentId } = await linked('alex');
  assert.equal(tokens.scope, `AIS:${consentId}`);
  const { accounts } = await (await bank('/accounts', { headers })).json();
  assert.equal(accounts.length, 2);
  const path = `/accounts/${accounts[0].resourceId}`;
  const { balances } = await (await bank(`${path}/balances`, { headers })).json();
  assert.equal(balances[0].balanceType, 'closingBooked');
  const ids = [];
  let next = `${path}/transactions?bookingStatus=both`;
  let pending = 0;
  while (next) {
    const { transactions } = await (await bank(next, { headers })).json();
    ids.push(...transactions.booked.map(({ transactionId }) => transactionId));
    pending += transactions.pending?.length ?? 0;
    next = transactions._links.next?.href;
  }
  assert.equal(new Set(ids).size, 5);
  assert.equal(pending, 1);
});

test('a request without a code challenge is refused', async () => {
  const url = authorizeUrl(await createConsent(), 'x'.repeat(43), ['code_challenge']);
  const callback = await walk(url, REDIRECT);
  assert.equal(callback.searchParams.get('error'), 'invalid_request');
});

test('a denial comes back as access_denied and rejects the consent', async () => {
  const consentId = await createConsent();
  const url = authorizeUrl(consentId, 'x'.repeat(43));
  const callback = await walk(url, REDIRECT, { decision: 'deny' });
  assert.equal(callback.searchParams.get('error'), 'access_denied');
  const { consentStatus } = await (await bank(`/consents/${consentId}/status`)).json();
  assert.equal(consentStatus, 'rejected');
});

test('a wrong verifier gets no token', async () => {
  const consentId = await createConsent();
  const callback = await walk(authorizeUrl(consentId, 'x'.repeat(43)), REDIRECT);
  const answer = await askToken({
    grant_type: 'authorization_code',
    code: callback.searchParams.get('code'),
    redirect_uri: REDIRECT,
    code_verifier: 'y'.repeat(43),
  });
  assert.equal((await answer.json()).error, 'invalid_grant');
});

test('a refresh rotates, and a used refresh token ends the whole grant', async () => {
  const { tokens, headers } = await linked('kim');
  const second = await (await refresh(tokens.refresh_token)).json();
  assert.notEqual(second.refresh_token, tokens.refresh_token);
  assert.equal((await (await refresh(tokens.refresh_token)).json()).error, 'invalid_grant');
  assert.equal((await (await refresh(second.refresh_token)).json()).error, 'invalid_grant');
  assert.equal((await bank('/accounts', { headers })).status, 401);
});

test('of equal refreshes at the same moment exactly one succeeds', async () => {
  const { tokens } = await linked('noor');
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(tokens.refresh_token)));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
});

test('a lost token answer leaves the old refresh token used up', async () => {
  const { tokens } = await linked('sam');
  await control('faults', { lose_token_answer: 1 });
  await assert.rejects(refresh(tokens.refresh_token));
  assert.equal((await (await refresh(tokens.refresh_token)).json()).error, 'invalid_grant');
});

test('an access token ends with its time when the clock moves', async () => {
  const { headers, tokens } = await linked('jo');
  await control('clock', { offset_s: tokens.expires_in + 1 });
  assert.equal((await bank('/accounts', { headers })).status, 401);
  await control('clock', { offset_s: 0 });
  assert.equal((await bank('/accounts', { headers })).status, 200);
});

test('a consent that was withdrawn at the bank answers with its status', async () => {
  const { consentId, headers, tokens } = await linked('lee');
  await control('revoke', { consent_id: consentId });
  assert.equal((await bank('/accounts', { headers })).status, 401);
  assert.equal((await (await refresh(tokens.refresh_token)).json()).error, 'invalid_grant');
  const { consentStatus } = await (await bank(`/consents/${consentId}/status`)).json();
  assert.equal(consentStatus, 'revokedByPsu');
});

test('the token of one consent does not open another', async () => {
  const { headers } = await linked('ash');
  const { consentId } = await linked('rin');
  const answer = await bank('/accounts', { headers: { ...headers, 'consent-id': consentId } });
  assert.equal(answer.status, 403);
});

test('a browser passes the pages by keyboard and axe finds nothing', async () => {
  const browser = await launch();
  try {
    const page = await browser.page();
    const reached = page.waitForRequest((request) => request.url().startsWith(REDIRECT));
    await page.goto(authorizeUrl(await createConsent(), 'x'.repeat(43)).href);
    assert.deepEqual(await axe(page), []);
    await page.getByLabel('User').fill('alex');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Allow' }).waitFor();
    assert.deepEqual(await axe(page), []);
    await page.getByRole('button', { name: 'Allow' }).press('Enter').catch(() => {});
    assert.match((await reached).url(), /[?&]code=/);
    assert.deepEqual(browser.foreign, []);
  } finally {
    await browser.close();
  }
});
