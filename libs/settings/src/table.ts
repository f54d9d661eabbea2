import { AccessSettings } from './sections/access.settings.js';
import { AuditSettings } from './sections/audit.settings.js';
import { ClusterSettings } from './sections/cluster.settings.js';
import { IngressSettings } from './sections/ingress.settings.js';
import { ApiSettings, NetworkSettings } from './sections/network.settings.js';
import { NodeSettings } from './sections/node.settings.js';
import { TelemetrySettings } from './sections/telemetry.settings.js';
import { flagName, type Program, type Setting, settingsOf } from './setting.js';

/** All settings. Those that a program does not take have their defaults there. */
export interface Settings
  extends ClusterSettings,
    ApiSettings,
    AccessSettings,
    AuditSettings,
    NetworkSettings,
    IngressSettings,
    NodeSettings,
    TelemetrySettings {}

/** A part of the table that --help and the page show under one title. */
export interface Section {
  title: string;
  settings: new () => object;
}

/** The one table of settings. Its order is that of --help and of docs/settings.md. */
export const SECTIONS: readonly Section[] = [
  { title: 'Cluster', settings: ClusterSettings },
  { title: 'API', settings: ApiSettings },
  { title: 'Authentication and authorization', settings: AccessSettings },
  { title: 'Audit', settings: AuditSettings },
  { title: 'Network', settings: NetworkSettings },
  { title: 'Ingress', settings: IngressSettings },
  { title: 'Node', settings: NodeSettings },
  { title: 'Logs and traces', settings: TelemetrySettings },
];

export const SETTINGS: readonly Setting[] = SECTIONS.flatMap(({ settings }) => settingsOf(settings));

/** Settings that the file of `up --config` may hold, and that settings.json keeps. */
export const KEPT_SETTINGS: readonly Setting[] = SETTINGS.filter((setting) => !setting.flagOnly && setting.programs.up);

export function settingOf(key: string): Setting {
  const found = SETTINGS.find((setting) => setting.key === key);
  if (!found) throw new Error(`there is no setting ${key}`);
  return found;
}

export function takenBy(program: Program): (setting: Setting) => boolean {
  return (setting) => flagName(setting, program) !== undefined;
}
