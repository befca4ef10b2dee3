import base from './jest.config.js';

/**
 * Suites that drive real SDKs and Apache's broker, each with its own processes, ports and directories. They wait more than they compute, so there are
 * more of them at a time than cores; more still would make brokers and JVMs wait for each other.
 */
export default {
  ...base,
  roots: ['<rootDir>/dist/conformance'],
  testMatch: ['**/*.interop.test.js'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/dist/conformance/interop/install.js',
  testTimeout: 900_000,
  maxWorkers: 3,
};
