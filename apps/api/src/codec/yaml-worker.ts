import { parentPort } from 'node:worker_threads';
import { type YamlAsJson, YamlError, yamlToJson } from './yaml-text.js';

/** The thread in which YAML is read. One request, one answer. */

export interface YamlRequest {
  text: Uint8Array;
  maxLength: number;
}

export type YamlAnswer = YamlAsJson | { error: string };

const decoder = new TextDecoder();

parentPort!.on('message', ({ text, maxLength }: YamlRequest) => {
  parentPort!.postMessage(answer(decoder.decode(text), maxLength));
});

function answer(text: string, maxLength: number): YamlAnswer {
  try {
    return yamlToJson(text, maxLength);
  } catch (error) {
    if (error instanceof YamlError) return { error: error.message };
    // All that overflows a stack here is the depth of the text.
    if (error instanceof RangeError) return { error: 'error converting YAML to JSON: yaml: exceeded max depth' };
    return { error: `error converting YAML to JSON: yaml: ${(error as Error).message}` };
  }
}
