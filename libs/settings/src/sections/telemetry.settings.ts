import type { LogFormat, LogLevel } from '#telemetry';
import { IsOneOf, IsSwitch } from '../constraints.js';
import { SwitchSetting, TextSetting } from '../setting.js';

// Written here, as the library of logs is not loaded by what only reads flags.
const LOG_FORMATS: readonly LogFormat[] = ['text', 'json'];
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** What the processes tell of themselves. */
export class TelemetrySettings {
  @IsOneOf(LOG_FORMATS)
  @TextSetting({
    help: `format of the log: ${LOG_FORMATS.join(', ')}`,
    argument: 'NAME',
    default: 'text',
    programs: { up: true, server: true, agent: true },
  })
  loggingFormat!: LogFormat;

  @IsOneOf(LOG_LEVELS)
  @TextSetting({
    help: `lowest level that is logged: ${LOG_LEVELS.join(', ')}`,
    argument: 'NAME',
    default: 'info',
    programs: { up: true, server: true, agent: true },
  })
  logLevel!: LogLevel;

  @IsSwitch()
  @SwitchSetting({
    help: 'create OpenTelemetry spans in the server, for an SDK that is loaded at process start',
    default: false,
    programs: { up: true, server: true },
  })
  tracing!: boolean;
}
