import { createRequire } from 'node:module';
import type * as ClassValidator from 'class-validator';

/**
 * The parts of class-validator that settings need, each from its own file. The index of the package also loads tables of telephone
 * numbers and postal codes: 185 ms and 15 MB in a process that only reads its flags, where these take 20 ms.
 */
const require = createRequire(import.meta.url);
type Parts = typeof ClassValidator;
const part = <Name extends keyof Parts>(file: string, name: Name): Parts[Name] =>
  (require(`class-validator/cjs/${file}.js`) as Parts)[name];

export const Validator = part('validation/Validator', 'Validator');
export const ValidateBy = part('decorator/common/ValidateBy', 'ValidateBy');
export const IsBoolean = part('decorator/typechecker/IsBoolean', 'IsBoolean');
export const IsIn = part('decorator/common/IsIn', 'IsIn');
export const IsIP = part('decorator/string/IsIP', 'IsIP');
export const Matches = part('decorator/string/Matches', 'Matches');
