// The banks that people visit: the product's own simulated one, and a server that others wrote.
import assert from 'node:assert/strict';

import * as authority from '../oidc/town.mjs';

/** An access token of the other server outlives every script. */
const ACCESS_SECONDS = 600;

/**
 * A bank as the scripts see it.
 *
 * `on` finds the elements of its pages, `decision` the address to which its answer is posted, and
 * `open` gives the house that leads there: `{graphql, apiKey, env}` and `close`.
 */
const BANKS = {
  sandbox: {
    institution: 'sandbox_bank',
    name: 'Sandbox Bank',
    tenant: 'Demo',
    on: {
      user: '#user',
      password: '#password',
      login: 'form[action="/bank/login"] button',
      approve: 'button[value="approve"]',
      deny: 'form:has(button[value="approve"]) button[value="deny"]',
    },
    decision: '**/bank/approve',
    // The test program started it, for all scripts.
    open: async () => ({
      ...JSON.parse(process.env.FONDACO_TEST_HOUSE),
      env: {},
      close: async () => {},
    }),
  },
  authority: {
    institution: authority.INSTITUTION,
    name: 'Test Authority',
    tenant: authority.TENANT,
    on: {
      user: 'input[name="login"]',
      password: 'input[name="password"]',
      login: '#sign-in',
      approve: '#allow',
      deny: '#deny',
    },
    decision: '**/interaction/*/consent',
    open: async () => {
      const town = await authority.startTown({ accessSeconds: ACCESS_SECONDS });
      const close = async () => {
        assert.equal(await town.stop(), 0, town.log());
        assert.ok(!town.log().includes(' ERROR '), town.log());
      };
      return { ...town, close };
    },
  },
};

/** The bank of this run. */
export const bank = BANKS[process.env.FONDACO_TEST_BANK ?? 'sandbox'];
