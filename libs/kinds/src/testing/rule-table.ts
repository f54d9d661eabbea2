import assert from 'node:assert/strict';
import type { KindValidator } from '../contract/kind-module.js';
import { context, created, createErrors, resource, updated } from './spec-support.js';

type Change = (object: any) => void;

/** What a create of the changed body gives. */
export interface CreateRow {
  create: Change;
  errors: readonly string[];
}

/** What an update of the stored object through an endpoint gives. */
export interface UpdateRow {
  /** Changes the body that the stored object was created from. */
  from?: Change;
  /** Changes what is stored past validation: status, or what an older release accepted. */
  stored?: Change;
  update: Change;
  /** '' for the main resource. */
  endpoint?: string;
  errors: readonly string[];
}

export interface RuleTable {
  /** `networking.k8s.io/v1/networkpolicies` */
  path: string;
  validator: KindValidator;
  /** A body without fault; rows change copies of it. */
  valid: Record<string, unknown>;
  /** By rule: rows that show it. */
  rows: Readonly<Record<string, readonly (CreateRow | UpdateRow)[]>>;
}

/** Tests of a kind's validation: every rule of the validator has rows that show it, and every row is of a rule. */
export function describeRules({ path, validator, valid, rows }: RuleTable): void {
  describe(path, () => {
    it('accepts the object that all rows change', () => assert.deepEqual(createErrors(path, valid), []));
    it('finds errors, and never fails, whatever part of the object is missing or empty', () => {
      for (const change of reductionsOf(valid)) {
        const body = structuredClone(valid);
        change(body);
        createErrors(path, body);
        resource(path).strategy.validateUpdate(created(path, body), created(path, valid), context());
      }
    });
    it('shows each of its rules', () => {
      const own = validator.rules.filter((rule) => typeof rule === 'string');
      assert.deepEqual(Object.keys(rows).sort(), [...own].sort());
    });
    for (const [rule, cases] of Object.entries(rows)) {
      describe(rule, () => {
        for (const row of cases) it(titleOf(row), () => assert.deepEqual(errorsOf(path, valid, row), row.errors));
      });
    }
  });
}

/** Every way to take one part away, or to leave it without content. */
function reductionsOf(value: unknown, steps: readonly string[] = []): Change[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const holder = (object: any): any => steps.reduce((at, step) => at?.[step], object);
    const remove: Change = (object) => {
      const at = holder(object);
      if (Array.isArray(at)) at.splice(Number(key), 1);
      else if (at) delete at[key];
    };
    const empty: Change = (object) => {
      const at = holder(object);
      if (at && typeof part === 'object') at[key] = Array.isArray(part) ? [] : {};
    };
    return [remove, empty, ...reductionsOf(part, [...steps, key])];
  });
}

function titleOf(row: CreateRow | UpdateRow): string {
  const verb = row.errors.length === 0 ? 'accepts' : 'refuses';
  if ('create' in row) return `${verb} a create with ${textOf(row.create)}`;
  const { from = textless, stored = textless, endpoint = '' } = row;
  const before = [from, stored].filter((change) => change !== textless).map(textOf);
  const origin = before.length === 0 ? '' : ` after ${before.join(', ')}`;
  return `${verb} an update${endpoint === '' ? '' : ` of ${endpoint}`} with ${textOf(row.update)}${origin}`;
}

const textless: Change = () => {};

function textOf(change: Change): string {
  return change.toString().replace(/\s+/g, ' ').slice(0, 120);
}

function errorsOf(path: string, valid: Record<string, unknown>, row: CreateRow | UpdateRow): string[] {
  const body = structuredClone(valid);
  if ('create' in row) {
    row.create(body);
    return createErrors(path, body);
  }
  row.from?.(body);
  return updated(path, body, row.update, row.endpoint, row.stored).errors;
}
