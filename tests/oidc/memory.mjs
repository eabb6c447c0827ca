// Keeps the provider's artefacts in memory, with the index by grant that a withdrawal needs.

/** The adapter class that the provider instantiates once for each kind of artefact. */
export function memoryAdapter(clients) {
  const entries = new Map();
  const uids = new Map();
  const grants = new Map();

  class MemoryAdapter {
    constructor(kind) {
      this.kind = kind;
    }

    #key(id) {
      return `${this.kind}/${id}`;
    }

    async upsert(id, payload, expiresInSeconds) {
      const until = expiresInSeconds ? Date.now() + expiresInSeconds * 1000 : Infinity;
      entries.set(this.#key(id), { payload, until });
      if (payload.uid) uids.set(payload.uid, id);
      if (payload.grantId) {
        const members = grants.get(payload.grantId) ?? new Set();
        members.add(this.#key(id));
        grants.set(payload.grantId, members);
      }
    }

    async find(id) {
      if (this.kind === 'Client') return clients.get(id);
      const entry = entries.get(this.#key(id));
      return entry && entry.until > Date.now() ? entry.payload : undefined;
    }

    async findByUid(uid) {
      return this.find(uids.get(uid));
    }

    async findByUserCode() {
      return undefined;
    }

    async consume(id) {
      const entry = entries.get(this.#key(id));
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      entries.delete(this.#key(id));
    }

    async revokeByGrantId(grantId) {
      for (const key of grants.get(grantId) ?? []) entries.delete(key);
      grants.delete(grantId);
    }

    /** Ends a grant from the bank's side: the grant itself and everything issued under it. */
    static withdraw(grantId) {
      for (const key of grants.get(grantId) ?? []) entries.delete(key);
      grants.delete(grantId);
      entries.delete(`Grant/${grantId}`);
    }
  }

  return MemoryAdapter;
}
