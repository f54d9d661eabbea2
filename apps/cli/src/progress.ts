/** Says on standard error what goes on and how long each step took; standard output stays for results. */
export async function step<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  const begun = performance.now();
  const tty = process.stderr.isTTY;
  if (tty) process.stderr.write(`  ${what} ...`);
  try {
    const result = await work();
    const took = `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    process.stderr.write(tty ? `\r  ${what} (${took})\x1b[K\n` : `  ${what} (${took})\n`);
    return result;
  } catch (error) {
    if (tty) process.stderr.write('\n');
    throw error;
  }
}
