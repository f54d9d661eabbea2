import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
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

/** Takes our entries out again, unless they lead to another Berth than that of `own`. True when there were any. */
export function unmergeKubeconfig(own: string, target: string): boolean {
  if (!existsSync(target)) return false;
  const document = read(target);
  if (existsSync(own) && !isSameCluster(parseDocument(readFileSync(own, 'utf8')), document)) return false;
  const removed = lists.map((list) => remove(document, list)).some(Boolean);
  if (!removed) return false;
  if (document.get('current-context') === NAME) document.delete('current-context');
  write(target, document);
  return true;
}

const AUTHORITY = 'certificate-authority-data';

/** Every Berth has a certificate authority of its own. */
function isSameCluster(ours: Document, document: Document): boolean {
  const own = ours.getIn(['clusters', 0, 'cluster', AUTHORITY]);
  const clusters = document.get('clusters');
  const entry = isSeq(clusters) ? clusters.items.find(isOurs) : undefined;
  return (entry as YAMLMap | undefined)?.getIn(['cluster', AUTHORITY]) === own;
}

function isOurs(item: unknown): boolean {
  return isMap(item) && item.get('name') === NAME;
}

function remove(document: Document, list: string): boolean {
  const sequence = document.get(list);
  if (!isSeq(sequence)) return false;
  const before = sequence.items.length;
  sequence.items = sequence.items.filter((item) => !isOurs(item));
  return sequence.items.length < before;
}

function read(target: string): Document {
  const document = parseDocument(readFileSync(target, 'utf8'));
  if (document.errors.length > 0)
    throw new CliError(
      `${target} is not valid YAML and was not changed: ${document.errors[0]!.message.split('\n')[0]}`,
    );
  if (document.contents !== null && !isMap(document.contents))
    throw new CliError(`${target} is not a kubeconfig and was not changed`);
  return document;
}

function write(path: string, document: Document): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Where the file is a link, the file behind it changes and the link stays.
  const target = existsSync(path) ? realpathSync(path) : path;
  const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o600;
  const temporary = `${target}.berth-new`;
  writeFileSync(temporary, document.toString({ lineWidth: 0 }), { mode });
  chmodSync(temporary, mode);
  renameSync(temporary, target);
}
