import { claimKeysOf, type Pod } from '#kinds';

/** Which of the known pods have a claim. */
export class ClaimUsers {
  private readonly users = new Map<string, Set<string>>();

  add(pod: Pod): void {
    for (const key of claimKeysOf(pod)) {
      const users = this.users.get(key) ?? new Set();
      this.users.set(key, users.add(pod.metadata.uid!));
    }
  }

  remove(pod: Pod): void {
    for (const key of claimKeysOf(pod)) {
      const users = this.users.get(key);
      users?.delete(pod.metadata.uid!);
      if (users?.size === 0) this.users.delete(key);
    }
  }

  /** Uids of the pods that have the claim. */
  of(key: string): Iterable<string> {
    return this.users.get(key) ?? [];
  }

  /** Uids of other pods that have the claim. */
  others(key: string, pod: Pod): string[] {
    return [...this.of(key)].filter((uid) => uid !== pod.metadata.uid);
  }
}
