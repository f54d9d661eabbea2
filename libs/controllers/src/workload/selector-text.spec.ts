import assert from 'node:assert/strict';
import { selectorText } from './selector-text.js';

test('selectors as events of the reference print them', () => {
  assert.equal(selectorText(undefined), 'nil');
  assert.equal(
    selectorText({ matchLabels: { b: '2', a: '1' } }),
    '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{},}',
  );
  assert.equal(
    selectorText({ matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }] }),
    '&LabelSelector{MatchLabels:map[string]string{},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}',
  );
});
