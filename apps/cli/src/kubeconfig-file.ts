import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Document, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { CliError } from './verb.js';

const NAME = 'berth';
const lists = ['clusters', 'users', 'contexts'] as const;

export function userKubeconfig(): string {
  return process.env.KUBECONFIG?.split(':')[0] || join(homedir(), '.kube', 'config');
}

/**
 * Puts our cluster, user and context into the user's kubeconfig, all named `berth`. Whatever else the file holds stays,
 * comments included; `current-context` is set only where there is none.
 */
export function mergeKubeconfig(own: string, target: string): void {
  const ours = parseDocument(readFileSync(own, 'utf8'));
  const document = existsSync(target)
    ? read(target)
    : parseDocument('apiVersion: v1\nkind: Config\nclusters: []\nusers: []\ncontexts: []\n');
  for (const list of lists) {
    const entry = (ours.get(list) as YAMLSeq).items[0] as YAMLMap;
    entry.set('name', NAME);
    if (list === 'contexts') {
      entry.setIn(['context', 'cluster'], NAME);
      entry.setIn(['context', 'user'], NAME);
    }
    remove(document, list);
    const existing = document.get(list);
    if (isSeq(existing)) existing.add(entry);
    else document.set(list, [entry]);
    const sequence = document.get(list);
    if (isSeq(sequence)) sequence.flow = false;
  }
  if (!document.get('current-context')) document.set('current-context', NAME);
  write(target, document);
}

/** Takes our entries out again. True when there were any. */
export function unmergeKubeconfig(target: string): boolean {
  if (!existsSync(target)) return false;
  const document = read(target);
  const removed = lists.map((list) => remove(document, list)).some(Boolean);
  if (!removed) return false;
  if (document.get('current-context') === NAME) document.delete('current-context');
  write(target, document);
  return true;
}

function remove(document: Document, list: string): boolean {
  const sequence = document.get(list);
  if (!isSeq(sequence)) return false;
  const before = sequence.items.length;
  sequence.items = sequence.items.filter((item) => (item as YAMLMap).get?.('name') !== NAME);
  return sequence.items.length < before;
}

function read(target: string): Document {
  const document = parseDocument(readFileSync(target, 'utf8'));
  if (document.errors.length > 0)
    throw new CliError(`${target} is not valid YAML and was left alone: ${document.errors[0]!.message.split('\n')[0]}`);
  return document;
}

function write(target: string, document: Document): void {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o600;
  const temporary = `${target}.berth-new`;
  writeFileSync(temporary, document.toString({ lineWidth: 0 }), { mode });
  chmodSync(temporary, mode);
  renameSync(temporary, target);
}
