import type { LogFormat, LogLevel } from '#telemetry';
import { Matches } from '../class-validator.js';
import { IsOneOf, IsSwitch, IsWhole, Parses } from '../constraints.js';
import { NumberSetting, SwitchSetting, TextSetting } from '../setting.js';

// Written here, as the library of logs is not loaded by what only reads flags.
const LOG_FORMATS: readonly LogFormat[] = ['text', 'json'];
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

function checkRate(text: string): void {
  if (Number(text) > 1_000_000) throw new Error(`must not be above 1000000: got ${text}`);
}

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

  @Matches(/^(?:$|https?:\/\/[^/])/, { message: 'must begin with http:// or https://' })
  @TextSetting({
    help: 'collector that takes spans by OTLP over HTTP; without one none are sent',
    argument: 'URL',
    programs: { up: true, server: true, agent: true },
  })
  tracingEndpoint?: string;

  @IsWhole(0)
  @Parses(checkRate)
  @NumberSetting({
    help: 'of a million spans without a parent, how many are sent; with a parent, its are',
    argument: 'NUMBER',
    default: 0,
    programs: { up: true, server: true, agent: true },
  })
  tracingSamplingRatePerMillion!: number;

  @IsSwitch()
  @SwitchSetting({
    help: 'create OpenTelemetry spans in the server, for an SDK that is loaded at process start',
    default: false,
    programs: { up: true, server: true },
  })
  tracing!: boolean;
}
