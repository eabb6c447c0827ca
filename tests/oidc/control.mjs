// What a test may do to the server while it runs: move its clock, lose answers, end consents.
import { clock } from './prelude.mjs';
import { readText, sendJson } from './http.mjs';

/** Counters and switches, shared between the routes and the control endpoints. */
export function newState() {
  return { counts: {}, faults: { lose_token_answer: 0, api_status: 0, api_times: 0 } };
}

export const count = (state, name) => {
  state.counts[name] = (state.counts[name] ?? 0) + 1;
};

/** Builds the handler for everything under `/control`. Bodies and answers are JSON objects. */
export function controlRoutes({ state, consents, lifetimes, endConsent, setRedirectUris }) {
  const actions = {
    stats: () => ({
      ...state.counts,
      clock_offset_s: clock.offsetSeconds,
      consents: [...consents].map(([id, { status, owner }]) => ({ id, status, owner })),
    }),
    clock: ({ offset_s: offset = 0 }) => {
      clock.offsetSeconds = Number(offset);
      return { offset_s: clock.offsetSeconds };
    },
    faults: (asked) => Object.assign(state.faults, asked),
    lifetimes: (asked) => Object.assign(lifetimes, asked),
    redirect_uris: ({ uris }) => {
      setRedirectUris(uris);
      return { uris };
    },
    // Without an id every consent ends, as when a person withdraws all access at the bank.
    revoke: ({ consent_id: only }) => {
      const ended = [...consents.keys()].filter((id) => only === undefined || id === only);
      for (const id of ended) endConsent(id, 'revokedByPsu');
      return { revoked: ended.length };
    },
  };

  return async (req, res, name) => {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (!action) return sendJson(res, 404, { error: `known: ${Object.keys(actions).join(', ')}` });
    const body = req.method === 'POST' ? JSON.parse((await readText(req)) || '{}') : {};
    return sendJson(res, 200, action(body));
  };
}
