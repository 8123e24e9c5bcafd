import {_t} from "@web/core/l10n/translation";

/** Spans of time up to now, in seconds. */
export const SPANS = [
    {seconds: 300, label: _t("Last 5 minutes")},
    {seconds: 3600, label: _t("Last hour")},
    {seconds: 86400, label: _t("Last day")},
    {seconds: 604800, label: _t("Last week")},
];
