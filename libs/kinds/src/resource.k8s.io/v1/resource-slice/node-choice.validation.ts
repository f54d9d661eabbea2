import { isDNS1123Subdomain } from '#apimachinery';
import { checkNodeSelector } from '../../../core/v1/pod/pod-scheduling.validation.js';
import type { NodeSelector } from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';

/** Which nodes can use devices: exactly one of these says it. */
export interface NodeChoice {
  nodeName?: string;
  nodeSelector?: NodeSelector;
  /** Each is unset or true. */
  flags: Readonly<Record<string, boolean | undefined>>;
}

/** What a slice and a device say of it in words of their own. */
export interface NodeChoiceWords {
  emptyName: string;
  none: string;
  several: string;
}

/** `checkTerms` looks at a selector that is there, after what every selector has to be. */
export function checkNodeChoice(
  at: FieldCursor,
  { nodeName, nodeSelector, flags }: NodeChoice,
  words: NodeChoiceWords,
  checkTerms?: (selector: NodeSelector) => void,
): void {
  const set: string[] = [];
  if (nodeName === '') at.invalid('nodeName', nodeName, words.emptyName);
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    at.format('nodeName', nodeName, isDNS1123Subdomain);
  }
  if (nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    checkNodeSelector(at, 'nodeSelector', nodeSelector, false);
    checkTerms?.(nodeSelector);
  }
  for (const [name, value] of Object.entries(flags)) {
    if (value === false) at.invalid(name, false, 'must be either unset or set to true');
    else if (value) set.push(`\`${name}\``);
  }
  if (set.length === 0) at.required('', words.none);
  else if (set.length > 1) at.invalid('', `{${set.join(', ')}}`, words.several);
}
