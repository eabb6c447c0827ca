// Drives the system's Chromium; nothing is downloaded and nothing leaves the machine.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

const FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-domain-reliability',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
  '--no-sandbox',
];
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** What of axe depends on colours. */
export const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];
const ACTION_MS_MAX = 15_000;

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

function findChromium() {
  const named = process.env.FONDACO_TEST_CHROMIUM;
  if (named) return named;
  for (const name of NAMES) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    if (found.status === 0) return found.stdout.trim();
  }
  throw new Error('no Chromium: set FONDACO_TEST_CHROMIUM to its path');
}

const program = () => ({
  args: FLAGS,
  chromiumSandbox: false,
  executablePath: findChromium(),
  headless: true,
});

/** Starts a browser without a profile: each of its contexts is another person. */
export const start = () => chromium.launch(program());

/**
 * Starts a browser with a profile of its own, which is removed again by `close`.
 *
 * `options` are those of a Playwright context: `locale`, `colorScheme`, `javaScriptEnabled` …
 * Requests to any host but loopback are refused and listed in `foreign`.
 */
export async function launch(options = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'fondaco-browser-'));
  const context = await chromium.launchPersistentContext(profile, { ...program(), ...options });
  context.setDefaultTimeout(ACTION_MS_MAX);
  const foreign = [];
  await context.route(
    (url) => url.protocol.startsWith('http') && !['127.0.0.1', 'localhost'].includes(url.hostname),
    (route) => {
      foreign.push(route.request().url());
      return route.abort();
    },
  );
  return {
    context,
    foreign,
    page: () => context.newPage(),
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/**
 * Runs axe over the page and returns the violations of WCAG 2.2 level A and AA.
 *
 * The script enters through the debugging protocol, so that a strict Content-Security-Policy
 * stays as it is. `rules` names the only ones to run: a page that was seen in light needs no more
 * than `COLOUR_RULES` in dark.
 */
export async function axe(page, rules) {
  if (!(await page.evaluate(() => Boolean(globalThis.axe)))) await page.evaluate(axeSource);
  const runOnly = rules ? { type: 'rule', values: rules } : { type: 'tag', values: WCAG };
  const result = await page.evaluate(
    (only) => globalThis.axe.run(document, { runOnly: only, resultTypes: ['violations'] }),
    runOnly,
  );
  return result.violations.map(({ id, impact, help, nodes }) => ({
    id,
    impact,
    help,
    targets: nodes.map(({ target }) => target.join(' ')),
  }));
}
