import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { ownValue } from '#apimachinery';
import { gateFacts } from '../facts/facts.js';

/** What types, fields and parameters are for, in words of our own. Clients show them: `kubectl explain`. */

export interface Descriptions {
  /** Of the fields of the type of this name in the facts; of the type itself for the field ''. */
  ofType(name: string): (field: string) => string | undefined;
  /** Of a parameter in a path or query. */
  ofParameter(name: string): string | undefined;
  /** Of an operation (`list`, `get`, `post` and so on) on `subject`, such as `one Pod`. */
  ofOperation(action: string, subject: string): string | undefined;
}

type Texts = ReadonlyMap<string, string>;
type Named = Record<string, Record<string, string>>;

const folder = new URL('../facts/descriptions/', import.meta.url);

/**
 * Opens the descriptions. Files are read when they are first needed, and stay in memory as long as the returned object
 * does: open them for a document, and let them go with it.
 */
export function openDescriptions(): Descriptions {
  const packages = new Map<string, ReadonlyMap<string, Texts>>();
  const families = [...textsOf(read('families.json'))];
  const requests = textsOf(read('requests.json'));
  return {
    ofType(name) {
      const dot = name.lastIndexOf('.');
      const packageName = name.slice(0, dot);
      const typeName = name.slice(dot + 1);
      let types = packages.get(packageName);
      if (types === undefined) packages.set(packageName, (types = readPackage(packageName)));
      const own = types.get(typeName);
      const shared = families.filter(([suffix]) => typeName.endsWith(suffix.slice(1)));
      return (field) => {
        const text = own?.get(field) ?? shared.find(([, texts]) => texts.has(field))?.[1].get(field);
        return text === undefined ? undefined : text + gateNote(`${name}.${field}`);
      };
    },
    ofParameter: (name) => requests.get('parameters')?.get(name),
    ofOperation: (action, subject) =>
      requests
        .get('operations')
        ?.get(action)
        ?.replace('{subject}', () => subject),
  };
}

/** A field behind a gate that is off is known to the server and dropped from what is written. */
function gateNote(field: string): string {
  const { gates, fields } = gateFacts();
  const facts = ownValue(fields, field);
  if (facts === undefined || facts.on) return '';
  const off = facts.gate.filter((name) => ownValue(gates, name)?.on === false);
  return ` Dropped: the feature gate ${off.join(', ')} is off.`;
}

/** All files of a package; `A|B` in them is both types. */
function readPackage(name: string): ReadonlyMap<string, Texts> {
  const types = new Map<string, Texts>();
  const place = new URL(`${name}/`, folder);
  if (!existsSync(place)) return types;
  for (const file of readdirSync(place)) {
    for (const [names, texts] of textsOf(read(`${name}/${file}`))) {
      for (const type of names.split('|')) types.set(type, new Map([...(types.get(type) ?? []), ...texts]));
    }
  }
  return types;
}

function read(file: string): Named {
  return JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
}

function textsOf(content: Named): Map<string, Texts> {
  return new Map(Object.entries(content).map(([name, texts]) => [name, new Map(Object.entries(texts))]));
}
