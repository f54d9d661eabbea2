import { writeSync } from 'node:fs';
import { openStore } from '../index.js';
import { creation } from './stored-objects.js';

/**
 * A process for the test that kills it: writes to the store of the URL as fast as it is let, several at a time, and says what
 * was acknowledged, `<revision> <name>` a line, before it goes on.
 */
const [url, prefix] = process.argv.slice(2);
const store = await openStore({ databaseUrl: url! });
writeSync(1, 'ready\n');

async function writeOn(writer: number): Promise<never> {
  for (let i = 0; ; i++) {
    const name = `${prefix}-${writer}-${i}`;
    const result = await store.commit({ writes: [creation(name)] });
    if (!result.ok) throw new Error(`${name}: ${result.failure.reason}`);
    writeSync(1, `${result.revision} ${name}\n`);
  }
}

await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(writeOn));
