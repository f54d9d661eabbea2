import { ConfigurationError } from './configuration-object.js';

/** The one document of a configuration file. `path` is how messages begin. Rejects with ConfigurationError. */
export async function parseConfiguration(path: string, text: string): Promise<unknown> {
  if (text.trim() === '') throw new ConfigurationError(`${path}: empty config data`);
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken) throw new ConfigurationError(`${path}: ${broken.message.split('\n')[0]}`);
  return document.toJS();
}
