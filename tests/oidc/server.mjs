// A certified authorization server (npm oidc-provider) with a small bank behind it, for tests.
//
//   node server.mjs --redirect-uri http://127.0.0.1:8080/callback/reg_x
//
// Prints one JSON line when it is ready: {"issuer", "base_url", "control", "client_id"}.
// `--until-stdin-ends` ties its life to a parent that holds the other end of its input.
import './prelude.mjs';

import * as http from 'node:http';
import { parseArgs } from 'node:util';

import { buildAuthority } from './authority.mjs';
import { bankApi } from './bank.mjs';
import { controlRoutes, count, newState } from './control.mjs';
import { readText, sendJson } from './http.mjs';
import { interactionPages } from './pages.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'client-id': { type: 'string', default: 'fondaco-test' },
    'client-secret': { type: 'string', default: 'fondaco-test-secret-for-loopback-only' },
    'client-auth': { type: 'string', default: 'client_secret_basic' },
    'redirect-uri': { type: 'string', multiple: true, default: ['http://127.0.0.1:9/callback'] },
    'access-s': { type: 'string', default: '60' },
    'refresh-s': { type: 'string', default: '3600' },
    'grant-s': { type: 'string', default: String(90 * 24 * 3600) },
    'code-s': { type: 'string', default: '60' },
    'until-stdin-ends': { type: 'boolean', default: false },
  },
});

const state = newState();
const consents = new Map();
const lifetimes = {
  access_s: Number(options['access-s']),
  refresh_s: Number(options['refresh-s']),
  grant_s: Number(options['grant-s']),
  code_s: Number(options['code-s']),
};

/** The work is done and its answer is lost: the worst moment of a rotating refresh token. */
function loseAnswer(req, res) {
  res.write = () => true;
  res.end = () => {
    req.socket.destroy();
    return res;
  };
}

/** Requests for one refresh token wait for each other, so that a reuse is always seen. */
function turns() {
  const last = new Map();
  return (token, work) => {
    const mine = (last.get(token) ?? Promise.resolve()).then(work);
    const settled = mine.catch(() => {});
    last.set(token, settled);
    settled.then(() => {
      if (last.get(token) === settled) last.delete(token);
    });
    return mine;
  };
}

function tokenRoute(callback) {
  const inTurn = turns();
  let open = 0;
  return async (req, res) => {
    // The provider takes a body that was read before it.
    req.body = await readText(req);
    const fields = new URLSearchParams(req.body);
    count(state, `token.${fields.get('grant_type')}`);
    open += 1;
    state.counts['token.open_max'] = Math.max(state.counts['token.open_max'] ?? 0, open);
    res.once('close', () => {
      open -= 1;
    });
    if (state.faults.lose_token_answer > 0) {
      state.faults.lose_token_answer -= 1;
      count(state, 'token.lost');
      loseAnswer(req, res);
    }
    const answered = () =>
      new Promise((done) => {
        res.once('close', done);
        callback(req, res);
      });
    const token = fields.get('refresh_token');
    return token ? inTurn(token, answered) : answered();
  };
}

function routes(issuer) {
  const authority = buildAuthority({
    issuer,
    client: {
      id: options['client-id'],
      secret: options['client-secret'],
      auth: options['client-auth'],
      redirectUris: options['redirect-uri'],
    },
    consents,
    lifetimes,
  });
  const { provider } = authority;
  const watch = { 'grant.success': 'token.ok', 'grant.error': 'token.refused' };
  for (const [event, name] of Object.entries(watch)) provider.on(event, () => count(state, name));
  provider.on('grant.revoked', () => count(state, 'grant.revoked'));
  provider.on('server_error', (_ctx, error) => console.error(error));

  const endConsent = (id, status) => {
    const consent = consents.get(id);
    consent.status = status;
    if (consent.grantId) authority.withdraw(consent.grantId);
  };
  const findToken = async (value) => {
    const token = value && (await provider.AccessToken.find(value));
    if (!token) return undefined;
    return { scopes: new Set((token.scope ?? '').split(' ')) };
  };
  const baseUrl = `${issuer}/psd2`;
  const bank = bankApi({ baseUrl, issuer, consents, consentIsWithdrawn: endConsent, findToken });
  const control = controlRoutes({
    state,
    consents,
    lifetimes,
    endConsent,
    setRedirectUris: authority.setRedirectUris,
  });
  const callback = provider.callback();
  const token = tokenRoute(callback);
  const pages = interactionPages(provider, consents);

  return async (req, res) => {
    const url = new URL(req.url, issuer);
    const page = /^\/interaction\/([^/]+)(?:\/(login|consent))?$/.exec(url.pathname);
    if (page) return pages(req, res, page[1], page[2]);
    if (url.pathname.startsWith('/control/')) return control(req, res, url.pathname.slice(9));
    if (url.pathname === '/token' && req.method === 'POST') return token(req, res);
    if (url.pathname === '/token/revocation') count(state, 'revocation.calls');
    if (!url.pathname.startsWith('/psd2/')) return callback(req, res);
    count(state, 'api.calls');
    if (state.faults.api_times > 0) {
      state.faults.api_times -= 1;
      return sendJson(res, state.faults.api_status, {}, { 'retry-after': '1' });
    }
    return bank(req, res, url);
  };
}

const server = http.createServer();
server.listen(Number(options.port), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const handle = routes(issuer);
  server.on('request', (req, res) => {
    handle(req, res).catch((error) => {
      console.error(error);
      if (res.headersSent) res.destroy();
      else sendJson(res, 500, { error: 'the test server failed' });
    });
  });
  const ready = {
    issuer,
    base_url: `${issuer}/psd2`,
    control: `${issuer}/control`,
    client_id: options['client-id'],
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
});
// The parent's end of standard input closes when the parent dies, however it dies.
if (options['until-stdin-ends']) {
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
