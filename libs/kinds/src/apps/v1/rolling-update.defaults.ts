import type { Setter } from '../../contract/kind-module.js';

/** Parameters of rolling updates: literals that hold under a condition. */

type Field = 'maxSurge' | 'maxUnavailable' | 'partition';

/** Holds where the strategy is to roll. */
export function rollingUpdate(strategyField: 'strategy' | 'updateStrategy', name: Field, value: unknown): Setter {
  return (object) => {
    const strategy = object.spec[strategyField];
    if (strategy?.type !== 'RollingUpdate') return;
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate[name] ??= value;
  };
}

/** Holds where it is, and parameters are given. */
export function inGivenRollingUpdate(name: Field, value: unknown): Setter {
  return (object) => {
    const strategy = object.spec.updateStrategy;
    if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate !== undefined)
      strategy.rollingUpdate[name] ??= value;
  };
}
