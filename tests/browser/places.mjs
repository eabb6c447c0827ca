// Flows that come back elsewhere: in another browser, in another tab, in another order.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as kit from './kit.mjs';

const { on } = kit;

/** Redirects between a bank's decision and the callback. */
const HOPS_MAX = 5;

/** Approves, and keeps the browser from opening the callback; returns its address. */
async function heldBack(page, context) {
  const { decision } = kit.bank;
  let held;
  await context.route(decision, async (route) => {
    let answer = await route.fetch({ maxRedirects: 0 });
    for (let hop = 0; hop < HOPS_MAX && !held; hop += 1) {
      const next = new URL(answer.headers().location, answer.url());
      if (next.pathname.startsWith('/callback/')) held = next.href;
      else answer = await context.request.get(next.href, { maxRedirects: 0 });
    }
    // An answer without content leaves the browser where it is.
    return route.fulfill({ status: 204 });
  });
  await page.locator(on.approve).click();
  const url = await kit.until('the callback', () => held);
  await context.unroute(decision);
  return url;
}

const OTHER = 'Please go back to where you started';

test('a callback in another browser exchanges nothing and says how to go on', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page, person) => {
    await kit.toBank(page, link);
    await kit.logIn(page);
    const callback = await heldBack(page, person.context);
    await kit.visit({}, async (elsewhere) => {
      await elsewhere.goto(callback);
      assert.equal(await elsewhere.locator('h1').innerText(), OTHER);
      assert.ok((await elsewhere.locator('ol.steps li').count()) >= 2);
      await kit.accessible(elsewhere, 'another browser');
      // Nothing of the flow stays behind there.
      assert.deepEqual(await elsewhere.context().cookies(kit.own), []);
      await elsewhere.goto(link.url);
      assert.equal(await elsewhere.locator('h1').innerText(), OTHER);
    });
    assert.equal(await kit.stateOf(link), 'AT_BANK');
    assert.deepEqual(await kit.linksOf(link).then((links) => links.filter(isActive)), []);

    // The page's advice is good: back in the first browser the way to the bank is open.
    await page.goto(link.url);
    await page.locator(on.go).click();
    await kit.arrived(page);
    await kit.logIn(page);
    await page.locator(on.approve).click();
    assert.equal(await kit.ending(page, link), 'Your accounts are connected');
  });
});

const isActive = ({ consent }) => consent?.state === 'ACTIVE';

test('a link that another browser took shows it neither the bank nor the outcome', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page) => {
    await kit.toBank(page, link);
    await kit.logIn(page);
    await page.locator(on.approve).click();
    await kit.ending(page, link);
    await kit.visit({}, async (elsewhere) => {
      await elsewhere.goto(link.url);
      const said = await elsewhere.locator('h1').innerText();
      assert.equal(said, 'This connection request has already been used');
      const back = await elsewhere.locator(on.back).getAttribute('href');
      assert.equal(new URL(back).searchParams.get(kit.RESULT_PARAM), null);
    });
  });
});

test('a forged callback is not found and changes nothing', async () => {
  const link = await kit.startLink();
  await kit.visit({}, async (page, person) => {
    await kit.toBank(page, link);
    await kit.logIn(page);
    const callback = new URL(await heldBack(page, person.context));
    callback.searchParams.set('state', 'A'.repeat(43));
    await page.goto(callback.href);
    assert.equal(await page.locator('h1').innerText(), 'This page was not found');
  });
  assert.equal(await kit.stateOf(link), 'AT_BANK');
});

test('two tabs end in the other order, each with a cookie of its own', async () => {
  const [first, second] = [await kit.startLink(), await kit.startLink()];
  await kit.visit({}, async (one, person) => {
    await kit.toBank(one, first);
    const two = await person.page();
    await kit.toBank(two, second);
    const isFlow = ({ name }) => name.startsWith('fondaco-flow-');
    const cookies = (await person.context.cookies(kit.own)).filter(isFlow);
    assert.equal(cookies.length, 2);
    assert.ok(cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === 'Lax'));

    await kit.logIn(two, 'bruno');
    await two.locator(on.approve).click();
    assert.equal(await kit.ending(two, second), 'Your accounts are connected');
    assert.equal(await kit.stateOf(first), 'AT_BANK');

    await kit.logIn(one, 'anna');
    await one.locator(on.approve).click();
    assert.equal(await kit.ending(one, first), 'Your accounts are connected');
    await two.reload();
    assert.equal(await kit.ending(two, second), 'Your accounts are connected');
  });
  assert.equal(await kit.stateOf(first), 'SUCCEEDED');
  assert.equal(await kit.stateOf(second), 'SUCCEEDED');
});
