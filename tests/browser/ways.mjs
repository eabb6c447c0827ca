// The ways that one person may take through a consent, in one browser and one tab.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as kit from './kit.mjs';

const { on } = kit;

/** Notes the callback's address, which no page shows. */
function callbackOf(page) {
  const seen = { url: undefined };
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.startsWith('/callback/')) seen.url = request.url();
  });
  return seen;
}

test('a person allows, returns to the frontend, and the accounts appear', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    const callback = callbackOf(page);
    await page.goto(link.url);
    await kit.accessible(page, 'choose');
    await page.locator(on.bank).click();
    await page.locator(on.go).waitFor();
    await kit.accessible(page, 'review');
    const text = await page.locator('main').innerText();
    const { tenant, name } = kit.bank;
    for (const said of [tenant, name, 'Privacy notice', 'Support', 'withdraw']) {
      assert.ok(text.includes(said), `the review says ${said}`);
    }
    await page.locator(on.go).click();
    await page.locator(on.user).waitFor();
    assert.notEqual(new URL(page.url()).origin, kit.own);
    await kit.accessible(page, 'log in at the bank');
    await kit.logIn(page);
    await kit.accessible(page, 'the question of the bank');
    await page.locator(on.approve).click();
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
    await kit.accessible(page, 'success');
    assert.equal(await page.locator('meta[http-equiv="refresh"]').count(), 0);

    // The callback once more: nothing is exchanged a second time, and the page says the same.
    await page.goto(callback.url);
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
    await page.reload();
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');

    await page.locator(on.back).click();
    await page.waitForURL(`${kit.returnUrl}**`);
    const result = await kit.redeem(page.url());
    assert.equal(result.outcome, 'SUCCEEDED');
    assert.equal(result.endUser.reference, link.person);
    const again = await kit.redeem(page.url());
    assert.equal(again.outcome, null);
    assert.equal(again.userErrors.length, 1);
  });
  const [made, ...more] = await kit.until('the accounts', async () => {
    const links = await kit.linksOf(link);
    return links[0]?.accounts.nodes.length > 0 && links;
  });
  assert.deepEqual(more, []);
  assert.equal(made.consent.state, 'ACTIVE');
});

test('a person denies at the bank, and nothing is shared', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await kit.toBank(page, link);
    await kit.logIn(page);
    await page.locator(on.deny).click();
    assert.equal(await kit.ending(page, link), 'Access was not granted');
    await kit.accessible(page, 'denied');
    await page.locator(on.back).click();
    await page.waitForURL(`${kit.returnUrl}**`);
    const { outcome, reason } = await kit.redeem(page.url());
    assert.deepEqual({ outcome, reason }, { outcome: 'DENIED', reason: 'USER_DENIED' });
  });
  assert.equal(await kit.stateOf(link), 'DENIED');
  const left = await kit.linksOf(link);
  assert.ok(left.every(({ consent, accounts }) => !consent && accounts.nodes.length === 0));
});

for (const where of ['choose', 'review']) {
  test(`a person cancels on our page (${where}) and is back at the frontend`, async () => {
    const link = await kit.startLink();
    await kit.visit({}, async (page) => {
      await page.goto(link.url);
      if (where === 'review') await page.locator(on.bank).click();
      await page.locator(on.cancel).click();
      await page.waitForURL(`${kit.returnUrl}**`);
      assert.equal((await kit.redeem(page.url())).outcome, 'CANCELLED');
      await page.goto(link.url);
      const said = await page.locator('h1').innerText();
      assert.equal(said, 'This connection request has already been used');
      await kit.accessible(page, 'a link that was used');
    });
    assert.equal(await kit.stateOf(link), 'CANCELLED');
  });
}

test('a person goes back from the bank and continues again', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await kit.toBank(page, link);
    await page.goBack();
    await page.locator(on.go).click();
    await page.locator(on.user).waitFor();
    await kit.logIn(page);
    await page.locator(on.approve).click();
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
  });
  assert.equal((await kit.linksOf(link)).length, 1);
});

test('a person goes back after the end and sees the end', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await kit.toBank(page, link);
    await kit.logIn(page);
    await page.locator(on.deny).click();
    await kit.ending(page, link);
    await page.goto(`${link.url}/review`);
    assert.equal(await page.locator('h1').innerText(), 'Access was not granted');
  });
});

test('a double click on continue leads to the bank once', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await page.goto(link.url);
    await page.locator(on.bank).dblclick();
    await page.locator(on.go).dblclick();
    await page.locator(on.user).waitFor();
    await kit.logIn(page);
    await page.locator(on.approve).dblclick();
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
  });
  assert.equal((await kit.linksOf(link)).length, 1);
});
