// People who use no mouse, allow no scripts, or read German.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as kit from './kit.mjs';

const { on } = kit;

test('a keyboard alone leads through every page and back to the frontend', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    const press = async (selector) => {
      await kit.tabTo(page, selector);
      await page.keyboard.press('Enter');
    };
    await page.goto(link.url);
    await kit.tabTo(page, '#q');
    await page.keyboard.type('sandbox bank');
    await page.keyboard.press('Enter');
    await page.locator('#banks-title', { hasText: 'sandbox bank' }).waitFor();
    await press(on.bank);
    await page.locator(on.go).waitFor();
    await press(on.go);
    await page.locator(on.user).waitFor();
    await kit.tabTo(page, on.user);
    await page.keyboard.type('chiara');
    await kit.tabTo(page, on.password);
    await page.keyboard.type('sandbox');
    await page.keyboard.press('Enter');
    await page.locator(on.approve).waitFor();
    await press(on.approve);
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
    await press(on.back);
    await page.waitForURL(`${kit.returnUrl}**`);
    assert.equal((await kit.redeem(page.url())).outcome, 'SUCCEEDED');
  });
});

test('while a person types, the list of banks narrows and says so', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await page.goto(link.url);
    const shown = page.locator('#banks > li:visible');
    const all = await shown.count();
    await page.locator('#q').fill('redirect');
    assert.equal(await shown.count(), 1);
    assert.equal(await page.locator('#filter-status').innerText(), '1 bank shown');
    await kit.accessible(page, 'a narrowed list');
    await page.locator('#q').fill('');
    assert.equal(await shown.count(), all);
  });
});

for (const [bank, name] of [
  ['sandbox_bank', 'with OAuth'],
  ['sandbox_redirect_bank', 'with a redirect'],
]) {
  test(`the whole way works without scripts at a bank ${name}`, async () => {
    const link = await kit.startLink();
    await kit.visit({ javaScriptEnabled: false }, async (page) => {
      await page.goto(link.url);
      await page.locator('#q').fill('sandbox');
      await page.locator('form.search button').click();
      await page.locator('#banks-title', { hasText: 'sandbox' }).waitFor();
      await page.locator(`button[name="institution"][value="${bank}"]`).click();
      await page.locator(on.go).click();
      await page.locator(on.user).waitFor();
      await kit.logIn(page);
      await page.locator(on.approve).click();
      assert.equal(await kit.ending(page, link), 'Your accounts are connected');
      await page.locator(on.back).click();
      await page.waitForURL(`${kit.returnUrl}**`);
      assert.equal((await kit.redeem(page.url())).outcome, 'SUCCEEDED');
    });
  });
}

/** The German texts without variables, by their keys. */
const german = new Map(
  readFileSync(new URL('../../api/web/messages/de.ftl', import.meta.url), 'utf8')
    .split('\n')
    .map((line) => /^([a-z-]+) = (.*)$/.exec(line))
    .filter(Boolean)
    .map(([, key, text]) => [key, text]),
);

async function reads(page, key, variables = {}) {
  let text = german.get(key);
  for (const [name, value] of Object.entries(variables)) text = text.replace(`{ $${name} }`, value);
  assert.equal(await page.locator('h1').innerText(), text);
  assert.equal(await page.locator('html').getAttribute('lang'), 'de');
}

test('a browser that asks for German gets German from the first page to the last', async () => {
  const link = await kit.startLink();
  await kit.visit({ locale: 'de-DE' }, async (page) => {
    await page.goto(link.url);
    await reads(page, 'choose-heading');
    await page.locator(on.bank).click();
    await page.locator(on.go).waitFor();
    await reads(page, 'review-heading', { tenant: 'Demo' });
    await page.locator(on.go).click();
    await page.locator(on.user).waitFor();
    await kit.logIn(page);
    await page.locator(on.approve).click();
    await kit.ending(page, link);
    await reads(page, 'result-success-heading');
    await page.goto(`${link.url.slice(0, -8)}AAAAAAAA`);
    await reads(page, 'problem-not-found-heading');
  });
});

test('the language that a tenant or a person chose stays to the end', async () => {
  const link = await kit.startLink({ locale: 'de' });
  await kit.visit({ locale: 'en-GB' }, async (page) => {
    await page.goto(link.url);
    await reads(page, 'choose-heading');
  });
  const other = await kit.startLink();
  await kit.visit({ locale: 'en-GB' }, async (page) => {
    await page.goto(other.url);
    await page.getByRole('link', { name: 'Deutsch' }).click();
    await reads(page, 'choose-heading');
    await page.locator(on.bank).click();
    await page.locator(on.go).waitFor();
    await reads(page, 'review-heading', { tenant: 'Demo' });
    await page.locator(on.go).click();
    await page.locator(on.user).waitFor();
    await kit.logIn(page);
    await page.locator(on.deny).click();
    await kit.ending(page, other);
    await reads(page, 'result-denied-heading');
  });
});
