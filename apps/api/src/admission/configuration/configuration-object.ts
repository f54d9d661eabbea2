export { ConfigurationError, ConfigurationObject } from '../../configuration/configuration-object.js';
