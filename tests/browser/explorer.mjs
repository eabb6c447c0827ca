// The explorer: its key, its saved examples, its schema.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as kit from './kit.mjs';

const { explorer } = kit.house;

test('the key in the address vanishes, and an example runs with it', async () => {
  const key = new URL(explorer).hash.slice('#key='.length);
  assert.equal(key, kit.house.apiKey);
  await kit.visit({}, async (page) => {
    const requested = [];
    page.on('request', (request) => requested.push(request.url()));
    await page.goto(explorer);
    await page.locator('#docs li').first().waitFor();
    assert.equal(page.url(), `${kit.own}/graphiql`);
    assert.equal(await page.locator('#key').inputValue(), key);
    assert.equal(await page.locator('#key').getAttribute('type'), 'password');
    await kit.accessible(page, 'the explorer');

    await page.locator('#examples').selectOption({ index: 1 });
    await page.locator('#run').click();
    await page.locator('#status', { hasText: 'HTTP 200' }).waitFor();
    assert.match(await page.locator('#answer').innerText(), /"data"/);
    await kit.accessible(page, 'an answer in the explorer');
    assert.ok(requested.every((url) => new URL(url).origin === kit.own), requested.join('\n'));
    assert.ok(requested.every((url) => !url.includes(key)));
  });
});

test('every saved example is answered without errors', async () => {
  await kit.visit({}, async (page) => {
    await page.goto(explorer);
    const examples = page.locator('#examples option');
    await page.locator('#docs li').first().waitFor();
    for (let at = 1; at < (await examples.count()); at += 1) {
      const title = await examples.nth(at).innerText();
      await page.locator('#examples').selectOption({ index: at });
      await page.locator('#answer').evaluate((answer) => answer.replaceChildren());
      await page.locator('#query').press('Control+Enter');
      await page.waitForFunction(() => document.getElementById('answer').textContent !== '');
      const answer = JSON.parse(await page.locator('#answer').textContent());
      assert.equal(answer.errors, undefined, `${title}: ${JSON.stringify(answer.errors)}`);
    }
  });
});

test('the schema is browsed by keyboard, and a wrong query says where it is wrong', async () => {
  await kit.visit({}, async (page, person) => {
    person.expect(/status of 400/);
    await page.goto(explorer);
    await page.locator('#docs li').first().waitFor();
    await page.locator('#search').fill('BankTransaction');
    await page.getByRole('button', { name: 'BankTransaction', exact: true }).first().press('Enter');
    await page.locator('#docs h2', { hasText: 'BankTransaction' }).waitFor();
    await kit.accessible(page, 'a type of the schema');
    await page.locator('#query').fill('{ nothingLikeThis }');
    const refused = page.waitForResponse('**/graphql');
    await page.locator('#run').click();
    assert.equal((await refused).status(), 400);
    await page.locator('#status .bad').first().waitFor();
    await kit.accessible(page, 'an error in the explorer');
  });
});

test('without the key nothing is told', async () => {
  await kit.visit({}, async (page) => {
    await page.goto(`${kit.own}/graphiql`);
    assert.equal(await page.locator('#key').inputValue(), '');
    assert.match(await page.locator('#docs').innerText(), /Enter a key/);
    assert.equal(await page.locator('#examples option').count(), 1);
    // The saved queries come with the key.
    await page.locator('#key').fill(kit.house.apiKey);
    await page.locator('#key').press('Tab');
    await page.locator('#examples option').nth(1).waitFor({ state: 'attached' });
    await page.locator('#docs li').first().waitFor();
  });
});
