/** One process of this Berth: what it runs, and when. */
export interface Unit {
  name: string;
  argv: string[];
  env?: Record<string, string>;
  /** The process starts once these paths exist: a socket or a file that another one makes. */
  requires?: string[];
  stopSignal?: 'TERM' | 'INT';
  /** Until SIGKILL follows; 15 by default. */
  stopSeconds?: number;
  /** What it starts outlives it: containers. */
  keepsChildren?: boolean;
  /** Changes when the program does, so that the next `up` restarts it. */
  revision?: string;
}

export interface UnitStatus {
  name: string;
  state: 'waiting' | 'running' | 'backoff' | 'stopped';
  /** 0 when it does not run. */
  pid: number;
  restarts: number;
  message: string;
}

/** The program and arguments that show logs; with `follow` it does not end by itself. */
export interface LogRequest {
  units: readonly string[];
  lines: number;
  follow: boolean;
}

/** Who runs the processes of this Berth, and restarts them: systemd where it is process 1, else berth-supervisor. */
export interface Processes {
  readonly manager: 'systemd' | 'supervisor';
  /** Undefined while nobody runs processes and restarts them. */
  status(): Promise<UnitStatus[] | undefined>;
  /** What runs although nobody would restart it; empty while `status` is defined. */
  abandoned(): UnitStatus[];
  /** Makes what runs equal to these, in starting order: restarts what changed, ends the others. */
  run(units: readonly Unit[]): Promise<void>;
  /** Ends every process, also the abandoned ones. Returns what ran; undefined when nothing did. */
  shutDown(): Promise<UnitStatus[] | undefined>;
  /** Leaves nothing outside the data directory. After `shutDown`. */
  remove(): void;
  /** Where the log of a process is, for the user to look. */
  logPlace(unit: string): string;
  /** The last line that a process wrote; empty when there is none. */
  lastLine(unit: string): string;
  logCommand(request: LogRequest): string[];
}
