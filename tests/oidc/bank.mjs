// A small account information API in the shape of Berlin Group NextGenPSD2 1.3, a few rows deep.
import { createHash, randomUUID } from 'node:crypto';

import { readText, sendJson } from './http.mjs';

const PAGE_ROWS = 2;
const DAY_MS = 24 * 3600 * 1000;

const digestOf = (...parts) => createHash('sha256').update(parts.join('/')).digest('hex');

/** Computes the two check digits of an IBAN (ISO 13616, modulo 97). */
function germanIban(seed) {
  const basic = `50010517${BigInt(`0x${digestOf(seed).slice(0, 8)}`).toString().padStart(10, '0')}`;
  const check = 98n - (BigInt(`${basic}131400`) % 97n);
  return `DE${check.toString().padStart(2, '0')}${basic}`;
}

/** The two accounts of a person; the same person always has the same ones. */
export function accountsOf(owner) {
  return ['Current account', 'Savings account'].map((name, index) => ({
    resourceId: `acc-${digestOf(owner, name).slice(0, 12)}`,
    iban: germanIban(`${owner}/${name}`),
    currency: 'EUR',
    ownerName: owner,
    name,
    cashAccountType: index === 0 ? 'CACC' : 'SVGS',
    status: 'enabled',
  }));
}

const dateAt = (daysAgo) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);

function row(account, [key, daysAgo, amount, name, text]) {
  const party = amount.startsWith('-') ? 'creditorName' : 'debtorName';
  const dates = daysAgo === null ? {} : { bookingDate: dateAt(daysAgo), valueDate: dateAt(daysAgo) };
  return {
    transactionId: `tx-${digestOf(account.resourceId, key).slice(0, 16)}`,
    entryReference: `ref-${key}`,
    transactionAmount: { amount, currency: account.currency },
    [party]: name,
    remittanceInformationUnstructured: text,
    ...dates,
  };
}

// Two equal purchases of one day are there on purpose: they are two, and stay two.
const BOOKED = [
  ['rent', 20, '-850.00', 'Hausverwaltung Nord', 'Rent'],
  ['salary', 15, '2450.00', 'Example Works GmbH', 'Salary'],
  ['coffee-1', 9, '-3.20', 'Corner Coffee', 'Card payment'],
  ['coffee-2', 9, '-3.20', 'Corner Coffee', 'Card payment'],
  ['energy', 4, '-61.75', 'Stadtwerke', 'Instalment'],
];
const PENDING = [['groceries', null, '-27.41', 'Market Hall', 'Card authorisation']];

const balance = (account, balanceType, amount) => ({
  balanceType,
  balanceAmount: { amount, currency: account.currency },
  referenceDate: dateAt(0),
});

const refuse = (res, status, code, text, headers) =>
  sendJson(res, status, { tppMessages: [{ category: 'ERROR', code, text }] }, headers);

/** Builds the handler for everything under `/psd2/v1`. */
export function bankApi({ baseUrl, issuer, consents, consentIsWithdrawn, findToken }) {
  const linksOf = (id) => ({
    scaOAuth: { href: `${issuer}/.well-known/oauth-authorization-server` },
    self: { href: `${baseUrl}/v1/consents/${id}` },
    status: { href: `${baseUrl}/v1/consents/${id}/status` },
  });

  async function createConsent(req, res) {
    const asked = JSON.parse((await readText(req)) || '{}');
    if (!asked.access || typeof asked.recurringIndicator !== 'boolean') {
      return refuse(res, 400, 'FORMAT_ERROR', 'access and recurringIndicator are required');
    }
    const id = randomUUID();
    consents.set(id, { ...asked, status: 'received' });
    const body = { consentStatus: 'received', consentId: id, _links: linksOf(id) };
    return sendJson(res, 201, body, { 'aspsp-sca-approach': 'REDIRECT' });
  }

  function consentResource(req, res, id, tail) {
    const consent = consents.get(id);
    if (!consent) return refuse(res, 403, 'CONSENT_UNKNOWN', 'there is no such consent');
    if (req.method === 'DELETE') {
      consentIsWithdrawn(id, 'terminatedByTpp');
      res.writeHead(204).end();
      return undefined;
    }
    if (tail === '/status') return sendJson(res, 200, { consentStatus: consent.status });
    const { access, recurringIndicator, validUntil, frequencyPerDay, status } = consent;
    const terms = { access, recurringIndicator, validUntil, frequencyPerDay };
    return sendJson(res, 200, { ...terms, consentStatus: status });
  }

  async function authorise(req, res) {
    const id = req.headers['consent-id'];
    const consent = consents.get(id);
    // A consent that is over is told before the token, which ended with it.
    if (consent && !['received', 'valid'].includes(consent.status)) {
      refuse(res, 401, 'CONSENT_INVALID', `the consent is ${consent.status}`);
      return undefined;
    }
    const token = await findToken(/^Bearer (\S+)$/i.exec(req.headers.authorization ?? '')?.[1]);
    if (!token) {
      refuse(res, 401, 'TOKEN_INVALID', 'the access token is missing, unknown or over', {
        'www-authenticate': 'Bearer error="invalid_token"',
      });
      return undefined;
    }
    if (!consent || !token.scopes.has(`AIS:${id}`)) {
      refuse(res, 403, 'CONSENT_UNKNOWN', 'the token does not belong to this consent');
      return undefined;
    }
    if (consent.status !== 'valid') {
      refuse(res, 401, 'CONSENT_INVALID', `the consent is ${consent.status}`);
      return undefined;
    }
    return consent;
  }

  function transactions(res, account, query) {
    const asked = query.get('bookingStatus');
    if (!['booked', 'pending', 'both'].includes(asked)) {
      return refuse(res, 400, 'FORMAT_ERROR', 'bookingStatus is required');
    }
    const from = query.get('dateFrom') ?? '';
    const to = query.get('dateTo') ?? '9999-12-31';
    const all = BOOKED.map((spec) => row(account, spec)).filter(
      ({ bookingDate }) => bookingDate >= from && bookingDate <= to,
    );
    const page = Number(query.get('pageIndex') ?? 0);
    const rest = all.slice(page * PAGE_ROWS);
    const self = `${baseUrl}/v1/accounts/${account.resourceId}`;
    const links = { account: { href: self } };
    if (asked !== 'pending' && rest.length > PAGE_ROWS) {
      const next = new URLSearchParams(query);
      next.set('pageIndex', String(page + 1));
      links.next = { href: `${self}/transactions?${next}` };
    }
    const report = { _links: links };
    if (asked !== 'pending') report.booked = rest.slice(0, PAGE_ROWS);
    if (asked !== 'booked' && page === 0) report.pending = PENDING.map((spec) => row(account, spec));
    const { iban, currency } = account;
    return sendJson(res, 200, { account: { iban, currency }, transactions: report });
  }

  async function accountResource(req, res, url, id, tail) {
    const consent = await authorise(req, res);
    if (!consent) return undefined;
    const own = accountsOf(consent.owner);
    if (!id) return sendJson(res, 200, { accounts: own });
    const account = own.find(({ resourceId }) => resourceId === id);
    if (!account) return refuse(res, 404, 'RESOURCE_UNKNOWN', 'there is no such account');
    if (tail === '/transactions') return transactions(res, account, url.searchParams);
    if (tail === '/balances') {
      const balances = [
        balance(account, 'closingBooked', '1531.85'),
        balance(account, 'interimAvailable', '1504.44'),
      ];
      return sendJson(res, 200, { account: { iban: account.iban }, balances });
    }
    return sendJson(res, 200, { account });
  }

  return async (req, res, url) => {
    const path = url.pathname.replace(/^\/psd2\/v1/, '');
    if (!req.headers['x-request-id']) {
      return refuse(res, 400, 'FORMAT_ERROR', 'X-Request-ID is required');
    }
    res.setHeader('x-request-id', req.headers['x-request-id']);
    if (path === '/consents' && req.method === 'POST') return createConsent(req, res);
    const consent = /^\/consents\/([^/]+)(\/status)?$/.exec(path);
    if (consent) return consentResource(req, res, consent[1], consent[2]);
    const account = /^\/accounts(?:\/([^/]+)(\/balances|\/transactions)?)?$/.exec(path);
    if (account && req.method === 'GET') {
      return accountResource(req, res, url, account[1], account[2]);
    }
    return refuse(res, 404, 'RESOURCE_UNKNOWN', 'there is no such resource');
  };
}
