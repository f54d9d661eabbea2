/**
 * The two rounds of the mutating plugins: when a webhook or a policy changed the object, all plugins run once more, and those of them
 * that call others decide by `state` whom to call again. As in the reference, there is no third round.
 */
export class Reinvocation {
  round: 0 | 1 = 0;
  /** Something changed the object that earlier plugins should see. */
  wanted = false;
  private readonly states = new Map<string, unknown>();

  /** What the plugin keeps from one round to the next. */
  state<T>(plugin: string, make: () => T): T {
    let state = this.states.get(plugin);
    if (state === undefined) {
      state = make();
      this.states.set(plugin, state);
    }
    return state as T;
  }
}
