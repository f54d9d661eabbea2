import { chmodSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from '../layout.js';

/**
 * Makes the folders that hold everything else, and closes those that an earlier version left open. Processes of other users
 * (PostgreSQL, containers) pass through some of them; nobody lists them. Bits that the owner took away stay away.
 */
export function closeFolders(layout: Layout): void {
  closeFolder(layout.dataDir, 0o711);
  closeFolder(layout.runDir, 0o711);
  closeFolder(join(layout.runDir, 'processes'), 0o700);
  closeFolder(layout.logDir, 0o750);
}

export function closeFolder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const now = statSync(path).mode & 0o7777;
  if ((now & ~mode & 0o777) !== 0) chmodSync(path, now & (mode | 0o7000));
}

/** Whole or not at all, and for the owner alone: what holds flags may hold a password. */
export function writePrivately(path: string, text: string): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: 0o600 });
  // One that was left by an interrupted run keeps its mode.
  chmodSync(temporary, 0o600);
  renameSync(temporary, path);
}
