import { dirname } from 'node:path';
import { FileTree } from '#files';
import { Annotation } from '../pod/labels.js';
import type { ObservedContainer } from './observed-pod.js';

/** Bytes of a message, and of the log's end that stands in for one. */
const MAX_MESSAGE = 4096;
const MAX_LOG = 2048;
const MAX_LOG_LINES = 80;

/** What an exited container left as its last words; '' when nothing. */
export async function terminationMessage(files: FileTree, container: ObservedContainer): Promise<string> {
  if (container.messageFile) {
    const text = await readEnd(files, container.messageFile, MAX_MESSAGE);
    if (text) return text;
  }
  const policy = container.annotations[Annotation.terminationMessagePolicy];
  if (policy !== 'FallbackToLogsOnError' || container.exitCode === 0 || !container.logPath) return '';
  const log = await readEnd(new FileTree(dirname(container.logPath)), container.logPath, MAX_LOG * 4);
  return logContent(log).slice(-MAX_LOG);
}

/** '' for what is missing, or no regular file. */
async function readEnd(files: FileTree, path: string, limit: number): Promise<string> {
  return files.readEnd(path, limit).then(
    (data) => data.toString('utf8'),
    () => '',
  );
}

/** The output in a CRI log: each line is time, stream, F or P, text. */
function logContent(text: string): string {
  const lines = text.split('\n').filter(Boolean).slice(-MAX_LOG_LINES);
  let out = '';
  for (const line of lines) {
    const parts = /^\S+ (?:stdout|stderr) ([FP])\S* (.*)$/.exec(line);
    if (parts) out += parts[2] + (parts[1] === 'F' ? '\n' : '');
  }
  return out;
}
