import base from './jest.config.js';

/**
 * Suites that drive real SDKs and Apache's broker, each with its own processes, ports and directories. They wait more than they compute, so there are
 * twice as many of them at a time as a small machine has cores; more still would make brokers and JVMs wait for each other.
 */
export default {
  ...base,
  roots: ['<rootDir>/dist/conformance', '<rootDir>/dist/fuzz'],
  testMatch: ['**/*.interop.test.js'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/dist/conformance/interop/install.js',
  testTimeout: 900_000,
  maxWorkers: 4,
};
