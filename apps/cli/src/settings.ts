import { existsSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { ownValue } from '#apimachinery';
import {
  byFlag,
  defaultDataDir,
  environmentLayer,
  flagLayer,
  type Layer,
  readConfigurationFile,
  readSavedSettings,
  resolveSettings as resolve,
  SettingError,
  savedText,
  settingsLayer,
  type Settings as TableOfSettings,
  upFlag,
  type Values,
} from '#settings';
import { isRoot, type Layout, layoutOf } from './layout.js';
import { writePrivately } from './up/private-files.js';
import { CliError } from './verb.js';

/** What `berth up` was told, with defaults filled in; kept in the data directory, so that the next `up` needs no flags. */
export interface Settings extends TableOfSettings {
  node: boolean;
  nodeName: string;
  nodeIp: string;
}

export const dataDirFlag = upFlag('dataDir');

export function dataDirOf(values: Values): Layout {
  return layoutOf((values['data-dir'] as string | undefined) ?? defaultDataDir());
}

/** Settings of an earlier `up`, if there was one. */
export function loadSettings(layout: Layout): Settings | undefined {
  if (!existsSync(layout.settings)) return undefined;
  const text = readFileSync(layout.settings, 'utf8');
  try {
    return readSavedSettings(text) as Settings;
  } catch (error) {
    const why = (error as Error).message.split('\n')[0]!;
    throw new CliError(`${layout.settings} is damaged (${why}): repair it, or remove it and pass your flags again`);
  }
}

export function saveSettings(layout: Layout, settings: Settings): void {
  writePrivately(layout.settings, savedText(settings));
}

/** The file of --config, if there is one. */
export async function configurationOf(values: Values): Promise<Layer | undefined> {
  const path = values.config as string | undefined;
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new SettingError(`--config: ${(error as Error).message}`);
  }
  return readConfigurationFile(path, text);
}

/** Flags, then the file, the environment and the last settings, then defaults; a bad value is named by where it comes from. */
export function resolveSettings(
  values: Values,
  last: Settings | undefined,
  file?: Layer,
  environment: NodeJS.ProcessEnv = process.env,
): Settings {
  // Whether this machine is a node is told each time.
  const { node: _, ...kept } = last ?? {};
  const layers = [
    flagLayer('up', values),
    ...(file ? [file] : []),
    environmentLayer('up', environment),
    settingsLayer(kept, ({ key }) => `${key} in settings.json`),
    settingsLayer({ node: true, nodeName: hostname(), nodeIp: defaultAddress() }, byFlag('up')),
  ];
  const settings = resolve('up', layers) as Settings;
  if (last?.serviceClusterIpRange && last.serviceClusterIpRange !== settings.serviceClusterIpRange) {
    throw new SettingError(
      `--service-cluster-ip-range: the cluster was created with ${last.serviceClusterIpRange}, which cannot change; run 'berth delete' first`,
    );
  }
  // The agent takes a runtime whose network it configures for its own, and removes all pods of that at the end.
  if (settings.cniConfDir && settings.containerRuntimeEndpoint) {
    throw new SettingError('--cni-conf-dir: must be empty with --container-runtime-endpoint');
  }
  return { ...settings, node: settings.node && isRoot };
}

/** The address of the interface that the default route leaves by; loopback when the machine has no other. */
function defaultAddress(): string {
  let device: string | undefined;
  try {
    const routes = readFileSync('/proc/net/route', 'utf8').trim().split('\n').slice(1);
    device = routes.map((line) => line.split('\t')).find((fields) => fields[1] === '00000000')?.[0];
  } catch {
    // Not Linux, or no /proc: any address will do.
  }
  const interfaces = networkInterfaces();
  const named = device ? (ownValue(interfaces, device) ?? []) : [];
  const all = [...named, ...Object.values(interfaces).flatMap((addresses) => addresses ?? [])];
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? '127.0.0.1';
}
