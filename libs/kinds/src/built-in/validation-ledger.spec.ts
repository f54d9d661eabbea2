import assert from 'node:assert/strict';
import { validationFacts } from '../facts/facts.js';
import { enforcers, type Rule } from '../validation/rules.js';
import { modulesByKind } from './resources.js';
import { ledgerOfKinds, renderLedger } from './validation-ledger.js';

function text(rule: Rule): string {
  return typeof rule === 'string' ? rule : rule.rule;
}

describe('the ledger of validation', () => {
  it('has no rule in the facts of a kind with a validator', () => {
    const both = Object.entries(validationFacts().kinds).filter(
      ([key, { rules }]) => rules !== undefined && modulesByKind.get(key)?.validator !== undefined,
    );
    assert.deepEqual(both, []);
  });

  for (const { key, rules } of ledgerOfKinds()) {
    it(`names each rule of ${key} once, and what enforces it`, () => {
      assert.equal(new Set(rules.map(text)).size, rules.length);
      for (const rule of rules)
        if (typeof rule !== 'string') assert.ok(enforcers.includes(rule.enforcedBy), text(rule));
    });
  }

  it('refuses a rule that nothing enforces', () => {
    const rule = { rule: 'a is b', enforcedBy: 'nothing yet' } as unknown as Rule;
    const kind = { key: 'v1/Thing', name: 'a DNS subdomain', hasValidator: true, rules: [rule] };
    assert.throws(() => renderLedger([kind]), { message: 'v1/Thing: nothing enforces "a is b"' });
  });

  it('knows no other words in the facts of a kind', () => {
    for (const [key, facts] of Object.entries(validationFacts().kinds)) {
      for (const word of Object.keys(facts)) assert.ok(['name', 'rules'].includes(word), `${key} ${word}`);
    }
  });
});
