import { deepCopy, type KubeObject, semanticEqual } from '#apimachinery';

/**
 * The two rounds of the mutating plugins: when a webhook or a policy changed the object, all plugins run once more, and those of them
 * that call others decide by `recallsOf` whom to call again. As in the reference, there is no third round.
 */
export class Reinvocation {
  round: 0 | 1 = 0;
  /** Something changed the object that earlier plugins should see. */
  wanted = false;
  private readonly recalls = new Map<string, Recalls>();

  /** What the plugin keeps from one round to the next. */
  recallsOf(plugin: string): Recalls {
    let recalls = this.recalls.get(plugin);
    if (recalls === undefined) {
      recalls = new Recalls(this);
      this.recalls.set(plugin, recalls);
    }
    return recalls;
  }
}

/** Which webhooks or policies of a plugin are called again in the second round, by their keys. */
export class Recalls {
  /** The object as they left it; kept while there is one that may be called again. */
  private left: KubeObject | undefined;
  /** Called, willing to be called again, and nothing has changed since. */
  private readonly called = new Set<string>();
  private readonly again = new Set<string>();

  constructor(private readonly rounds: Reinvocation) {}

  /** Before the first is called. Other plugins may have changed what was left. */
  begin(object: KubeObject | undefined): void {
    if (this.rounds.round === 1 && this.called.size > 0 && !semanticEqual(this.left, object)) this.recall();
  }

  /** Whom the first round left out is not called in the second, whatever its selectors say by then. */
  leavesOut(key: string): boolean {
    return this.rounds.round === 1 && !this.again.has(key);
  }

  /** One was called: whether the object is another one now, and whether it is willing to be called again. */
  wasCalled(key: string, isChanged: boolean, isWilling: boolean): void {
    if (isChanged) {
      this.recall();
      this.rounds.wanted = true;
    }
    if (isWilling) this.called.add(key);
  }

  /** After the last was called. */
  end(object: KubeObject | undefined): void {
    this.left = this.called.size > 0 ? deepCopy(object) : undefined;
  }

  private recall(): void {
    for (const key of this.called) this.again.add(key);
    this.called.clear();
  }
}
