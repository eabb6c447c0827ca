// Walks authorization pages as a browser does, with a cookie jar and form posts.

const STEPS_MAX = 20;

/** A fetch that keeps cookies and never follows a redirect by itself. */
export function cookieFetch() {
  const jar = new Map();
  return async (url, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...init.headers, ...(cookie ? { cookie } : {}) };
    const res = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of res.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const cut = pair.indexOf('=');
      const [name, value] = [pair.slice(0, cut), pair.slice(cut + 1)];
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    return res;
  };
}

/** Follows redirects and fills the two forms until a URL under `redirectUri` comes up. */
export async function walk(start, redirectUri, { user = 'alex', decision = 'allow' } = {}) {
  const go = cookieFetch();
  let url = String(start);
  let res = await go(url);
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const location = res.headers.get('location');
    if (location) {
      url = new URL(location, url).href;
      if (url.startsWith(redirectUri)) return new URL(url);
      res = await go(url);
      continue;
    }
    const html = await res.text();
    const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1];
    if (!action) throw new Error(`status ${res.status} and no form: ${html.slice(0, 300)}`);
    const fields = action.endsWith('/login') ? { login: user, password: 'any' } : { decision };
    url = new URL(action, url).href;
    res = await go(url, { method: 'POST', body: new URLSearchParams(fields) });
  }
  throw new Error(`no callback after ${STEPS_MAX} steps`);
}
