/** A failure of the embedded server that its user can act on. The message is one line. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
}

/** Says a system error in one line, naming the path it happened at and, where there is one, the way out. */
export function explainSystemError(error: unknown, doing: string, path: string): PostgresError {
  if (error instanceof PostgresError) return error;
  const code = (error as NodeJS.ErrnoException)?.code;
  const reasons = new Map(
    Object.entries({
      EROFS: 'the file system is read-only; choose another data directory',
      ENOSPC: 'no space is left on the device',
      EDQUOT: 'the disk quota is used up',
      EACCES: 'permission denied',
      EPERM: 'operation not permitted',
      ENOTDIR: 'a part of the path is not a directory',
    }),
  );
  const reason = (code && reasons.get(code)) || firstLine((error as Error)?.message ?? String(error));
  return new PostgresError(`${doing} ${path}: ${reason}`);
}

/** The line that says what went wrong, out of the output of one of PostgreSQL's programs. */
export function firstLine(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const telling = lines.find((line) => /\b(FATAL|PANIC|ERROR|error|cannot|could not)\b/.test(line));
  return (telling ?? lines[0] ?? 'no output').replace(/^.*?\b(FATAL|PANIC|ERROR): +/, '');
}
