"""What is mailed to holders about their badges: claim links, whether each letter arrived, who asked for a new one."""
