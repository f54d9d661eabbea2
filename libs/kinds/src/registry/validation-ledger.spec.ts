import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apiFacts, validationFacts } from '../facts.js';
import { enforcers, type Rule } from '../validation/rules.js';
import { kindKey } from './kind-strategy.js';
import { kindValidators } from './kind-validators.js';
import { ledgerOfKinds } from './validation-ledger.js';

const resources = apiFacts().resources.map((item) => ({ ...item, key: kindKey(item.group, item.version, item.kind) }));

function text(rule: Rule): string {
  return typeof rule === 'string' ? rule : rule.rule;
}

describe('validation', () => {
  for (const { key, verbs } of resources) {
    if (verbs.includes('update')) it(`has code for ${key}`, () => assert.ok(key in kindValidators));
  }

  it('has validators of served kinds only', () => {
    const served = new Set(resources.map(({ key }) => key));
    assert.deepEqual(
      Object.keys(kindValidators).filter((key) => !served.has(key)),
      [],
    );
  });

  it('has no rule in the facts of a kind with a validator', () => {
    const both = Object.entries(validationFacts().kinds).filter(([key, { rules }]) => key in kindValidators && rules);
    assert.deepEqual(both, []);
  });

  for (const { key, rules } of ledgerOfKinds()) {
    it(`names each rule of ${key} once, and what enforces it`, () => {
      assert.equal(new Set(rules.map(text)).size, rules.length);
      for (const rule of rules)
        if (typeof rule !== 'string') assert.ok(enforcers.includes(rule.enforcedBy), text(rule));
    });
  }

  it('knows no other words in the facts of a kind', () => {
    for (const [key, facts] of Object.entries(validationFacts().kinds)) {
      for (const word of Object.keys(facts)) assert.ok(['name', 'rules'].includes(word), `${key} ${word}`);
    }
  });
});
