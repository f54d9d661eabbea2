import { flagsOf, parseFlags } from '#settings';
import { configurationOf, dataDirOf, loadSettings, resolveSettings } from '../settings.js';

/**
 * Whether `berth up` with these arguments starts a node here, for whom installs what a node takes. Throws what that `up` would
 * refuse the arguments with.
 */
export async function wantsNode(args: string[]): Promise<boolean> {
  const { values } = parseFlags(flagsOf('up'), args);
  return resolveSettings(values, loadSettings(dataDirOf(values)), await configurationOf(values)).node;
}
