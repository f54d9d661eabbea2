import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { LineCounter, parseAllDocuments } from 'yaml';
import type { KubeObject } from '#apimachinery';
import { CliError } from '../verb.js';

export interface Manifest {
  object: KubeObject;
  /** For messages: file and line. */
  origin: string;
}

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);

/** Reads files, folders (recursively, by extension) and `-` for standard input; each may hold several documents or a List. */
export function readManifests(paths: readonly string[]): Manifest[] {
  return paths.flatMap(filesOf).flatMap((path) => {
    const text = readFileSync(path === '-' ? 0 : path, 'utf8');
    return parseManifests(text, path === '-' ? 'standard input' : path);
  });
}

function filesOf(path: string): string[] {
  if (path === '-') return [path];
  if (!existsSync(path)) throw new CliError(`${path}: no such file or folder`);
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => EXTENSIONS.has(extname(name)))
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile())
    .sort();
  if (files.length === 0) throw new CliError(`${path} contains no .yaml, .yml or .json file`);
  return files;
}

export function parseManifests(text: string, name: string): Manifest[] {
  const lines = new LineCounter();
  const manifests: Manifest[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: lines })) {
    const problem = 'errors' in document ? document.errors[0] : undefined;
    if (problem) throw new CliError(`${name}: ${problem.message.split('\n')[0]}`);
    const value = (document as { toJS(): unknown }).toJS();
    if (value === null || value === undefined) continue;
    const start = (document as { contents?: { range?: [number] } | null }).contents?.range?.[0] ?? 0;
    const origin = `${name}:${lines.linePos(start).line}`;
    for (const object of flatten(value)) manifests.push({ object: check(object, origin), origin });
  }
  return manifests;
}

function flatten(value: unknown): unknown[] {
  const list = value as { kind?: unknown; items?: unknown };
  return typeof list.kind === 'string' && list.kind.endsWith('List') && Array.isArray(list.items)
    ? list.items
    : [value];
}

function check(value: unknown, origin: string): KubeObject {
  const object = value as KubeObject;
  if (typeof value !== 'object' || Array.isArray(value)) throw new CliError(`${origin}: not an object`);
  for (const field of ['apiVersion', 'kind']) {
    if (typeof object[field] !== 'string' || object[field] === '') throw new CliError(`${origin}: ${field} is missing`);
  }
  if (!object.metadata?.name) throw new CliError(`${origin}: metadata.name is missing`);
  return object;
}
