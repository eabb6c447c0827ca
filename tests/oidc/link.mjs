// The life of a link: made, read, refreshed, lost, renewed, withdrawn at the bank, ended here.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';

import { startTown, until } from './town.mjs';

const SCRIPT_MS_MAX = 240_000;
/** After a lost answer the product waits for half a minute before it asks once more. */
const OUTCOME_MS_MAX = 90_000;
const ACCESS_SECONDS = 600;
const CONNECTED = 'Your accounts are connected';

setTimeout(() => {
  console.error(`the script did not end within ${SCRIPT_MS_MAX} ms\n${town.log()}`);
  process.exit(1);
}, SCRIPT_MS_MAX).unref();

const town = await startTown({ accessSeconds: ACCESS_SECONDS });
test.after(async () => {
  const code = await town.stop();
  assert.equal(code, 0, town.log());
  for (const secret of ['access_token', 'refresh_token', 'client_secret']) {
    assert.ok(!town.log().includes(secret), 'the log holds no token');
  }
});

const person = `person-${randomUUID()}`;
let linkId;
let offset = 0;

const FIELDS = `id progress health lastAttemptAt lastSuccessAt disconnectedAt
  consent { state reason actionRequired } consents { state reason }`;

async function linkNow() {
  const { link } = await town.ask(`query ($id: ID!) { link(id: $id) { ${FIELDS} } }`, {
    id: linkId,
  });
  return link;
}

/** Makes a link, or renews one; returns when its history is there. */
async function linked(more = {}) {
  const started = await town.startLink({ endUserReference: person, ...more });
  assert.deepEqual(started.userErrors, []);
  const said = await town.connect({ url: started.url, user: 'alex' });
  assert.equal(said, CONNECTED, town.log());
  const { linkSession } = await town.ask(
    'query ($id: ID!) { linkSession(id: $id) { state link { id } } }',
    { id: started.linkSession.id },
  );
  assert.equal(linkSession.state, 'SUCCEEDED');
  linkId = linkSession.link.id;
  const before = await linkNow();
  await until('the history', async () => {
    const link = await linkNow();
    const fresh = !more.linkId || link.lastSuccessAt !== before.lastSuccessAt;
    return { link, done: link.progress === 'HISTORY' && link.health === 'HEALTHY' && fresh };
  });
}

/** Asks for a reading and waits until it went well. */
async function read() {
  const before = await linkNow();
  assert.deepEqual((await town.refreshLink(linkId)).userErrors, []);
  await until('a reading', async () => {
    const link = await linkNow();
    return { link, done: link.lastSuccessAt !== before.lastSuccessAt };
  });
}

/** Moves the bank's clock beyond the life of every access token. */
async function ageTokens() {
  offset += ACCESS_SECONDS + 1;
  await town.control('clock', { offset_s: offset });
}

const refreshes = async () => (await town.control('stats'))['token.refresh_token'] ?? 0;

test('a person links, and accounts, balances and transactions are read', async () => {
  await linked();
  const { accounts, transactions } = await town.ask(`{
    accounts(first: 10) { nodes { name currency balances { type amount { amount } } } }
    transactions(first: 50) { nodes { status amount { amount } } pageInfo { hasNextPage } } }`);
  assert.equal(accounts.nodes.length, 2);
  for (const { balances } of accounts.nodes) {
    const clbd = balances.find(({ type }) => type === 'CLBD');
    assert.equal(clbd.amount.amount, '1531.85');
  }
  const of = (status) => transactions.nodes.filter((row) => row.status === status);
  assert.equal(of('POSTED').length, 10);
  assert.equal(of('PENDING').length, 2);
  // Two equal purchases of one day stay two.
  assert.equal(of('POSTED').filter((row) => row.amount.amount === '-3.20').length, 4);
  const stats = await town.control('stats');
  assert.equal(stats['token.authorization_code'], 1);
  assert.equal(stats['token.refresh_token'], undefined);
});

test('an access token that is over is refreshed, once for each generation', async () => {
  for (const generation of [1, 2, 3]) {
    await ageTokens();
    await read();
    assert.equal(await refreshes(), generation);
  }
  const { transactions } = await town.ask('{ transactions(first: 50) { nodes { id } } }');
  assert.equal(transactions.nodes.length, 12);
});

test('readings that are asked for together share one refresh', async () => {
  const before = await refreshes();
  await ageTokens();
  const last = await linkNow();
  await Promise.all(Array.from({ length: 8 }, () => town.refreshLink(linkId)));
  await until('a reading', async () => {
    const link = await linkNow();
    return { link, done: link.lastSuccessAt !== last.lastSuccessAt };
  });
  const stats = await town.control('stats');
  assert.equal(stats['token.refresh_token'], before + 1);
  assert.equal(stats['token.open_max'], 1);
  assert.equal(stats['token.refused'], undefined);
});

test('a token answer that is lost has one clear outcome and starts no storm', async () => {
  const before = await refreshes();
  const calls = async () => (await refreshes()) - before;
  await ageTokens();
  await town.control('faults', { lose_token_answer: 1 });
  const { lastAttemptAt } = await linkNow();
  await town.refreshLink(linkId);
  await until('the attempt', async () => {
    const link = await linkNow();
    return { link, done: link.lastAttemptAt !== lastAttemptAt && (await calls()) === 1 };
  });
  // Whoever asks now waits: the bank may have acted, and a used refresh token ends everything.
  for (let again = 0; again < 5; again += 1) await town.refreshLink(linkId);
  const outcome = async () => {
    const link = await linkNow();
    return { link, done: link.consent?.state !== 'ACTIVE' };
  };
  const { link } = await until('the outcome', outcome, OUTCOME_MS_MAX);
  assert.equal(link.consent.state, 'REAUTH_REQUIRED');
  assert.equal(link.consent.actionRequired, 'REAUTHENTICATE');
  await until('the health', async () => {
    const { health } = await linkNow();
    return { health, done: health === 'NEEDS_USER' };
  });
  assert.equal(await calls(), 2);
  for (let again = 0; again < 5; again += 1) await town.refreshLink(linkId);
  assert.equal(await calls(), 2);
});

test('the person authenticates again, and the same link goes on without doubles', async () => {
  const old = linkId;
  await linked({ linkId: old });
  assert.equal(linkId, old);
  const { accounts, transactions } = await town.ask(`{
    accounts(first: 10) { nodes { id } } transactions(first: 50) { nodes { id } } }`);
  assert.equal(accounts.nodes.length, 2);
  assert.equal(transactions.nodes.length, 12);
  const { consents } = await linkNow();
  assert.equal(consents.filter(({ state }) => state === 'ACTIVE').length, 1);
});

test('a consent that was withdrawn at the bank shows in the graph', async () => {
  await town.control('revoke');
  await town.refreshLink(linkId);
  const { link } = await until('the withdrawal', async () => {
    const seen = await linkNow();
    return { link: seen, done: seen.consent?.state !== 'ACTIVE' };
  });
  const { state, reason } = link.consents.at(-1);
  assert.deepEqual({ state, reason }, { state: 'REVOKED', reason: 'END_USER_AT_BANK' });
  assert.equal(link.disconnectedAt, null);
  // It was believed at the first refusal, and the bank was not asked for another token.
  const stats = await town.control('stats');
  await town.refreshLink(linkId);
  assert.equal(await refreshes(), stats['token.refresh_token']);
});

test('a link that is ended here is revoked at the bank, tokens and consent', async () => {
  await linked();
  const before = await town.control('stats');
  const ended = await town.disconnectLink(linkId);
  assert.deepEqual(ended.userErrors, []);
  await until('the revocation', async () => {
    const stats = await town.control('stats');
    const consent = stats.consents.at(-1);
    const calls = (stats['revocation.calls'] ?? 0) - (before['revocation.calls'] ?? 0);
    return { consent, calls, done: consent.status === 'terminatedByTpp' && calls === 1 };
  });
  assert.ok((await linkNow()).disconnectedAt);
  const [again] = (await town.refreshLink(linkId)).userErrors;
  assert.equal(again.code, 'LINK_UNKNOWN');
});

test('a person who denies makes no link that reads', async () => {
  const started = await town.startLink({ endUserReference: `person-${randomUUID()}` });
  const said = await town.connect({ url: started.url, user: 'kim', decision: 'deny' });
  assert.equal(said, 'Access was not granted');
});
