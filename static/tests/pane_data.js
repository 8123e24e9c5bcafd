const LINES = [
    {text: "{", path: "$"},
    {text: '  "temp": 61.50,', path: "$.temp", number: true, changed: true, was: "61"},
    {text: '  "<b>": "x"', path: "$['<b>']", changed: true},
    {text: "}", path: "$"},
];
const MESSAGE = {
    id: 7,
    time: 990,
    size: 12345,
    qos: "QoS 1, at least once",
    retain: false,
    dup: false,
    direction: "receive",
    kind: "json",
    kind_label: "JSON",
    lines: LINES,
    more_lines: 0,
    is_cut: false,
    gone: ["$.old"],
    warning: false,
    state: "done",
    state_label: "Done",
    properties: [],
    older: 6,
    newer: false,
};
const ROW = {
    id: 7,
    time: 990,
    preview: "<i>61.5</i>",
    size: 5,
    qos: 1,
    retain: false,
    direction: "receive",
    state: "done",
    state_label: "Done",
};

/** What the server says about a topic: as `topic_value`, `topic_history`, `topic_chart`. */
export function makeTopic() {
    return {
        data: {
            now: 1000,
            may_publish: true,
            may_configure: true,
            service: "Plant",
            speaks_5: true,
            retained: false,
            message: {...MESSAGE},
            handlers: [],
        },
        history: {rows: [ROW], more: 0, has_more_than_counted: false},
        chart: {
            begin: 700,
            end: 1060,
            now: 1000,
            found: [
                {path: "$.temp", label: "temp", kind: "number"},
                {path: "$.on", label: "on", kind: "boolean"},
            ],
            has_more: false,
            series: [{path: "$.temp", points: [[990, 61.5]]}],
            bucket_seconds: 0,
            messages: 1,
            is_sampled: false,
            too_large: 0,
        },
    };
}
