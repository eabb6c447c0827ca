// Every state of every hosted page, in every language, through axe in light and dark.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { COLOUR_RULES, axe } from '../oidc/browser.mjs';
import * as kit from './kit.mjs';

const folder = process.env.FONDACO_TEST_GALLERY;
const names = readdirSync(folder).sort();
/** WCAG 2.2, 1.4.10: what fits into 320 CSS pixels needs no scrolling in two directions. */
const NARROW = { width: 320, height: 640 };
const USUAL = { width: 1280, height: 720 };

/** Serves the states from the server's own origin, so that they find their styles. */
async function gallery(context) {
  await context.route('**/*', (route) => {
    const url = new URL(route.request().url());
    const name = /^\/gallery\/([a-z-]+\.html)$/.exec(url.pathname)?.[1];
    if (name) {
      const body = readFileSync(join(folder, name), 'utf8');
      return route.fulfill({ body, contentType: 'text/html; charset=utf-8' });
    }
    if (url.origin === kit.own && url.pathname.startsWith('/connect/assets/')) {
      return route.continue();
    }
    // Where a page goes on by itself, it stays.
    return route.fulfill({ status: 204 });
  });
}

test('the gallery holds every state in both languages', () => {
  const of = (end) => names.filter((name) => name.endsWith(end)).map((name) => name.slice(0, -8)).sort();
  assert.ok(names.length >= 70, `${names.length} states`);
  assert.deepEqual(of('-de.html'), of('-en.html'));
});

test('axe finds nothing in any state, in light and dark, and none is too wide', async () => {
  const visitor = await kit.visitor();
  // It is where the state before the bank wants to go, and is kept from going.
  visitor.allow('https://bank.example');
  await gallery(visitor.context);
  const page = await visitor.page();
  const found = {};
  for (const name of names) {
    await page.goto(`${kit.own}/gallery/${name}`);
    const light = await axe(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    const dark = await axe(page, COLOUR_RULES);
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(NARROW);
    const wide = await page.evaluate(() => {
      const root = document.documentElement;
      return root.scrollWidth > root.clientWidth;
    });
    await page.setViewportSize(USUAL);
    if (light.length > 0 || dark.length > 0 || wide) found[name] = { light, dark, wide };
  }
  assert.deepEqual(found, {});
  await visitor.leave();
});
