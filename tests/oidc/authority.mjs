// The authorization server: which client may ask for what, and for how long.
import { randomBytes } from 'node:crypto';

import { Provider } from 'oidc-provider';

import { memoryAdapter } from './memory.mjs';

/** The resource that every access token of this server is for. */
export const RESOURCE = 'urn:fondaco:test-bank';

/** Builds the provider. Scopes `AIS:<consent id>` exist from the moment the consent is created. */
export function buildAuthority({ issuer, client, consents, lifetimes }) {
  const clients = new Map([
    [
      client.id,
      {
        client_id: client.id,
        client_secret: client.secret,
        token_endpoint_auth_method: client.auth,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: client.redirectUris,
      },
    ],
  ]);
  const Adapter = memoryAdapter(clients);
  const ownToken = async (_ctx, asking, token) => token.clientId === asking.clientId;

  const provider = new Provider(issuer, {
    adapter: Adapter,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post'],
    responseTypes: ['code'],
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'] },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    // One grant for each consent, so that ending one leaves the others alone.
    loadExistingGrant: async (ctx) => {
      const id = ctx.oidc.result?.consent?.grantId;
      return id ? ctx.oidc.provider.Grant.find(id) : undefined;
    },
    findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    ttl: {
      AccessToken: () => lifetimes.access_s,
      AuthorizationCode: () => lifetimes.code_s,
      Grant: () => lifetimes.grant_s,
      IdToken: 300,
      Interaction: 600,
      RefreshToken: () => lifetimes.refresh_s,
      Session: 3600,
    },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true, allowedPolicy: ownToken },
      revocation: { enabled: true, allowedPolicy: ownToken },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_ctx, _client, offered) => offered ?? RESOURCE,
        useGrantedResource: async () => true,
        getResourceServerInfo: async () => ({
          accessTokenFormat: 'opaque',
          audience: RESOURCE,
          scope: [...consents.keys()].map((id) => `AIS:${id}`).join(' '),
        }),
      },
    },
  });

  return {
    provider,
    withdraw: (grantId) => Adapter.withdraw(grantId),
    setRedirectUris: (uris) => {
      clients.get(client.id).redirect_uris = uris;
    },
  };
}
