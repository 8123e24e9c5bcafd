// ESLint's recommended rules, and those of the OCA's for 19.0 that say more.
const js = require("@eslint/js");
const globals = require("globals");

module.exports = [
    js.configs.recommended,
    {
        files: ["static/{src,tests}/**/*.js"],
        languageOptions: {
            ecmaVersion: 2024,
            sourceType: "module",
            globals: {...globals.browser, luxon: "readonly", odoo: "readonly"},
        },
        rules: {
            complexity: ["error", 15],
            eqeqeq: "error",
            "no-alert": "error",
            "no-duplicate-imports": "error",
            "no-else-return": "error",
            "no-eval": "error",
            "no-implicit-globals": "error",
            "no-param-reassign": "error",
            "no-return-assign": "error",
            "no-shadow": "error",
            "no-throw-literal": "error",
            "no-unneeded-ternary": "error",
            "no-use-before-define": "error",
            "no-var": "error",
            "prefer-const": "error",
            radix: "error",
            strict: ["error", "never"],
        },
    },
    {
        files: ["*.config.cjs"],
        languageOptions: {sourceType: "commonjs", globals: globals.node},
    },
];
