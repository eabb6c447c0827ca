// The bank's sign-in and approval pages: plain forms that work without scripts.
import { accountsOf } from './bank.mjs';
import { readText, sendHtml } from './http.mjs';

const FORCED_ERRORS = { locked: 'access_denied', busy: 'temporarily_unavailable' };

const escape = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const layout = (title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<title>${escape(title)}</title></head>
<body><main><h1>${escape(title)}</h1>${body}</main></body></html>`;

const form = (uid, step, inner) =>
  `<form method="post" action="/interaction/${escape(uid)}/${step}">${inner}</form>`;

function signInPage(uid, error) {
  return layout(
    'Sign in to the bank',
    `${error ? `<p role="alert">${escape(error)}</p>` : ''}
${form(
  uid,
  'login',
  `<p><label>User <input name="login" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password"></label></p>
<button id="sign-in">Sign in</button>`,
)}`,
  );
}

function approvalPage(uid, details) {
  const rows = accountsOf(details.session.accountId)
    .map((account) => `<li>${escape(account.name)}, ${escape(account.iban)}</li>`)
    .join('');
  return layout(
    'Share your accounts',
    `<p>${escape(details.params.client_id)} asks to read:</p><ul>${rows}</ul>
${form(
  uid,
  'consent',
  `<button name="decision" value="allow" id="allow">Allow</button>
<button name="decision" value="deny" id="deny">Deny</button>`,
)}`,
  );
}

/** Handles `/interaction/<uid>` and its two forms. */
export function interactionPages(provider, consents) {
  const finish = (req, res, result, merge) =>
    provider.interactionFinished(req, res, result, { mergeWithLastSubmission: merge });

  async function signIn(req, res, uid) {
    const fields = new URLSearchParams(await readText(req));
    const user = fields.get('login')?.trim();
    if (!user || fields.get('password') === 'wrong') {
      return sendHtml(res, 401, signInPage(uid, 'The user or the password is wrong.'));
    }
    const error = FORCED_ERRORS[user];
    if (error) return finish(req, res, { error, error_description: `forced by ${user}` }, false);
    return finish(req, res, { login: { accountId: user } }, false);
  }

  async function decide(req, res, details) {
    const fields = new URLSearchParams(await readText(req));
    const scope = details.params.scope ?? '';
    const consent = consents.get(/(?:^| )AIS:(\S+)/.exec(scope)?.[1]);
    if (fields.get('decision') !== 'allow' || !consent) {
      if (consent) consent.status = 'rejected';
      const refusal = { error: 'access_denied', error_description: 'the user declined' };
      return finish(req, res, refusal, false);
    }
    const owner = details.session.accountId;
    const grant = new provider.Grant({ accountId: owner, clientId: details.params.client_id });
    grant.addOIDCScope('openid offline_access');
    grant.addResourceScope(details.params.resource, scope);
    const grantId = await grant.save();
    Object.assign(consent, { status: 'valid', owner, grantId });
    return finish(req, res, { consent: { grantId } }, true);
  }

  return async (req, res, uid, step) => {
    const details = await provider.interactionDetails(req, res);
    if (req.method === 'POST') {
      return step === 'login' ? signIn(req, res, uid) : decide(req, res, details);
    }
    const page =
      details.prompt.name === 'login' ? signInPage(uid) : approvalPage(uid, details);
    return sendHtml(res, 200, page);
  };
}
