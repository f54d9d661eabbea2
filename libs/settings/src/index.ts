export { CONFIGURATION, readConfigurationFile } from './configuration-file.js';
export { splitList } from './constraints.js';
export { defaultDataDir } from './defaults.js';
export {
  type Flag,
  flagsOf,
  parseFlags,
  programUsage,
  SettingError,
  upFlag,
  usage,
  type Values,
} from './flags.js';
export { parseAddressRange, parsePortRange, splitServiceRanges } from './formats/address-ranges.js';
export {
  ADMISSION_PLUGINS,
  type AdmissionPluginName,
  enabledAdmissionPlugins,
  isAdmissionPlugin,
} from './formats/admission-plugins.js';
export {
  DEFAULT_THRESHOLDS,
  type PressureCondition,
  parseThresholds,
  SIGNALS,
  type Signal,
  type StarvedResource,
  type Threshold,
} from './formats/eviction-thresholds.js';
export { normalSysctl, parseSysctlPatterns, sysctlNamespace } from './formats/sysctl-patterns.js';
export {
  argumentsOf,
  byFlag,
  environmentLayer,
  flagLayer,
  type Layer,
  resolveSettings,
  settingsLayer,
} from './resolve.js';
export { readSavedSettings, savedText } from './saved-settings.js';
export { COMPONENTS, DISABLEABLE } from './sections/cluster.settings.js';
export type { RESERVATION_POLICIES, SWAP_BEHAVIORS } from './sections/node.settings.js';
export type { Settings } from './table.js';
